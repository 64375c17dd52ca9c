"""The first and the last convolution of the INT8 graph, written so that ONNX Runtime has quick kernels for them.

Its integer kernels read channels by fours, and a frame has three. So a row's pixels are taken GROUP at a time: the
bytes of (1, H, W, 3) are, unmoved, those of (1, H, W / 4, 12). A convolution over groups gives the outputs of a group's
pixels side by side, as channels; its weights are the same numbers with zeros between. Not one integer changes.

The last convolution is float and 1x1, so it is a matrix product of pixels that lie as the integer kernels leave them,
channels last; as a convolution it would have them moved twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from edgeseg_export.precision.float_graph import FRAME, FloatGraph, Normalisation, as_float
from edgeseg_export.precision.qdq import Rewriter

GROUP = 4
"""Pixels; with three bytes each they fill whole vectors of four channels."""


@dataclass(frozen=True)
class Packing:
    """A convolution over pixels as one over groups of pixels, side by side in a row.

    Attributes:
        node: the convolution.
        batch: 1, or 0 for as many pictures as come.
        frame: height and width of its input.
        stride: of the convolution, vertical and horizontal.
        pads: top, left, bottom, right.
        first: the first group that the outputs of group 0 read; 0 or less.
        columns: groups that the outputs of a group read.
    """

    node: onnx.NodeProto
    batch: int
    frame: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    first: int
    columns: int

    def read_frame(self, rewriter: Rewriter) -> str:
        """The frame in groups, uint8 (N, H, W / GROUP, 3 * GROUP)."""
        height, width = self.frame
        return _reshape(rewriter, FRAME, "frame.groups", (self.batch, height, width // GROUP, 3 * GROUP))

    def weights(self, levels: NDArray[np.int8]) -> NDArray[np.int8]:
        """The convolution's weights over groups, (outputs * outputs a group, 3 * GROUP, kh, columns)."""
        outputs, channels, kernel_height, kernel_width = levels.shape
        packed = np.zeros((self._beside * outputs, channels * GROUP, kernel_height, self.columns), np.int8)
        for place in range(self._beside):
            for x in range(kernel_width):
                group, pixel = divmod(place * self.stride[1] - self.pads[1] + x, GROUP)
                rows = slice(place * outputs, (place + 1) * outputs)
                inputs = slice(pixel * channels, (pixel + 1) * channels)
                packed[rows, inputs, :, group - self.first] = levels[..., x]
        return packed

    def repeated(self, values: NDArray[Any]) -> NDArray[Any]:
        """What belongs to an output channel, for the outputs of all pixels of a group."""
        return np.tile(values, self._beside)

    def convolution(self) -> onnx.NodeProto:
        """The convolution over groups; its inputs are those of the convolution over pixels."""
        pads = [self.pads[0], -self.first, self.pads[2], self.first + self.columns - 1]
        names = self.node.input, self.node.output
        return helper.make_node("Conv", *names, name=self.node.name, strides=[self.stride[0], 1], pads=pads)

    def spread(self, rewriter: Rewriter, name: str) -> str:
        """The tensor `name` (N, outputs * outputs a group, h, W / GROUP) as (N, outputs, h, w): a pixel a place."""
        last = _transpose(rewriter, name, f"{name}.last", (0, 2, 3, 1))
        shape = (self.batch, 0, self.frame[1] // self.stride[1], -1)  # 0: as it is
        pixels = _reshape(rewriter, last, f"{name}.pixels", shape)
        return _transpose(rewriter, pixels, f"{name}.first", (0, 3, 1, 2))

    @property
    def _beside(self) -> int:
        """Outputs that a group gives side by side."""
        return GROUP // self.stride[1]


def packing(graph: FloatGraph, start: Normalisation) -> Packing | None:
    """How the first convolution takes groups; None where it is no plain one or the frame's width does not divide."""
    readers = graph.consumers.get(start.output, [])
    shape = [size.dim_value for size in graph.model.graph.input[0].type.tensor_type.shape.dim]
    if len(readers) != 1 or readers[0].op_type != "Conv" or not graph.is_plain(readers[0]):
        return None
    node, (batch, height, width, _) = readers[0], shape
    attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    kernel_width = graph.constants[node.input[1]].shape[3]
    down, across = attributes.get("strides", [1, 1])
    top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
    plain = attributes.get("group", 1) == 1 and set(attributes.get("dilations", [1])) == {1}
    plain = plain and attributes.get("auto_pad", b"NOTSET") == b"NOTSET" and GROUP % across == 0
    outputs = (width + left + right - kernel_width) // across + 1
    if not plain or not height or not width or width % GROUP or outputs * across != width:
        return None
    first = -left // GROUP
    last = (GROUP - across - left + kernel_width - 1) // GROUP
    return Packing(node, batch, (height, width), (down, across), (top, left, bottom, right), first, last - first + 1)


def product(rewriter: Rewriter, graph: FloatGraph, node: onnx.NodeProto) -> bool:
    """Adds a 1x1 convolution as a matrix product; adds nothing and returns False where it is another one."""
    attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    weights = as_float(graph.constants[node.input[1]])
    usual = {"strides": {1}, "pads": {0}, "dilations": {1}}
    plain = all(set(attributes.get(name, values)) == values for name, values in usual.items())
    if node.op_type != "Conv" or weights.shape[2:] != (1, 1) or attributes.get("group", 1) != 1 or not plain:
        return False
    pixels = _transpose(rewriter, rewriter.current(node.input[0]), f"{node.name}.pixels", (0, 2, 3, 1))
    matrix = rewriter.constant(f"{node.input[1]}.matrix", np.ascontiguousarray(weights[:, :, 0, 0].T))
    bias = rewriter.constant(f"{node.input[1]}.bias", graph.bias(node))
    multiplied, added = f"{node.name}.product", f"{node.name}.sum"
    rewriter.nodes.append(helper.make_node("MatMul", [pixels, matrix], [multiplied], name=multiplied))
    rewriter.nodes.append(helper.make_node("Add", [multiplied, bias], [added], name=added))
    _transpose(rewriter, added, node.output[0], (0, 3, 1, 2))
    return True


def _transpose(rewriter: Rewriter, name: str, result: str, order: Sequence[int]) -> str:
    rewriter.nodes.append(helper.make_node("Transpose", [name], [result], name=f"{result}.Transpose", perm=order))
    return result


def _reshape(rewriter: Rewriter, name: str, result: str, shape: Sequence[int]) -> str:
    constant = rewriter.constant(f"{result}.shape", np.array(shape, np.int64))
    rewriter.nodes.append(helper.make_node("Reshape", [name, constant], [result], name=f"{result}.Reshape"))
    return result
