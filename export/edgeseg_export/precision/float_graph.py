"""The fp32 graph of a bundle as the other precisions start from it: plain weights, quick to look things up in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgeseg.errors import ExportError
from edgeseg_export.subgraphs import outer_names, same_tensors, subgraphs

FRAME = "frame"
"""The input that every exported graph has: uint8 (1, H, W, 3), BGR."""

ACTIVATIONS = ("Relu", "Clip")
"""What runtimes fuse into the convolution before it."""


_NONE = slice(0, 0)
_SECOND = slice(1, 2)
SIZES = {
    "Resize": slice(2, None),
    "Slice": slice(1, None),
    "ConstantOfShape": slice(1),
    "Range": slice(None),
    **dict.fromkeys(("Expand", "Pad", "Reshape", "Split", "Tile", "TopK"), _SECOND),
}
"""Inputs that say a size, a place or a number of times, by operator."""


@dataclass(frozen=True)
class Normalisation:
    """A uniform normalisation right after the input: (byte - mean) / deviation, the same for all channels.

    Attributes:
        mean: a whole number of grey levels, so that it can be a zero-point.
        scale: 1 / deviation.
        output: name of the normalised tensor, (1, 3, H, W).
        nodes: names of the nodes from the input to `output`.
    """

    mean: int
    scale: float
    output: str
    nodes: tuple[str, ...]


class FloatGraph:
    """An ONNX graph whose constants are known; it is read, never changed.

    Attributes:
        model: the graph, float32, every constant an initializer.
        nodes: in the order of computation; each has a name of its own.
        constants: initializers by name.
        producers: the node that makes a tensor.
        consumers: the nodes that read a tensor, those whose inner graphs do with them.
        outputs: names of the graph's outputs.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.nodes = list(model.graph.node)
        self.constants: dict[str, NDArray[Any]] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        self.producers = {name: node for node in self.nodes for name in node.output}
        self.consumers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.nodes:
            for name in outer_names(node):
                self.consumers.setdefault(name, []).append(node)
        self.outputs = {value.name for value in model.graph.output}

    @classmethod
    def load(cls, file: Path) -> FloatGraph:
        """Reads an artifact that `edgeseg export` wrote.

        Raises:
            ExportError: the graph is not from frame to one tensor.
        """
        model = onnx.load(file)
        inputs = [value.name for value in model.graph.input]
        if inputs != [FRAME] or len(model.graph.output) != 1:
            raise ExportError(f"{file} takes {', '.join(inputs)}, expected {FRAME!r} alone; export the bundle again")
        _fold_casts(model)
        _part_weights(model)
        for index, node in enumerate(model.graph.node):
            node.name = f"{index}_{node.op_type}"
        return cls(model)

    def floats(self, node: onnx.NodeProto) -> list[str]:
        """Names of a node's inputs that are computed, so no constants and no absent ones."""
        return [name for name in node.input if name and name not in self.constants]

    def is_plain(self, node: onnx.NodeProto) -> bool:
        """Whether a node is a convolution of pictures, computed ones, by constant weights; others stay in float."""
        if node.op_type not in ("Conv", "ConvTranspose") or node.input[0] in self.constants:
            return False
        weights = self.constants.get(node.input[1])
        bias = _bias_name(node)
        return weights is not None and weights.ndim == 4 and (not bias or bias in self.constants)

    def convolutions(self) -> list[onnx.NodeProto]:
        """The plain convolutions, in the order of computation."""
        return [node for node in self.nodes if self.is_plain(node)]

    def bias(self, node: onnx.NodeProto) -> NDArray[np.float32]:
        """The bias of a plain convolution, float32 (outputs,); zeros if it has none."""
        if name := _bias_name(node):
            return as_float(self.constants[name])
        weights = self.constants[node.input[1]]
        return np.zeros(weights.shape[0 if node.op_type == "Conv" else 1], np.float32)

    def layer(self, node: onnx.NodeProto) -> str:
        """What a convolution is called in the network: by its weights, whose names the exporter keeps."""
        return str(node.input[1]).removeprefix("network.").removesuffix(".weight")

    def last(self) -> str:
        """Name of the convolution that gives the logits: whatever follows it has no weights."""
        return self.convolutions()[-1].name

    def after(self, name: str) -> set[str]:
        """Names of the nodes that need what the node `name` gives."""
        names: set[str] = set()
        tensors: set[str] = set()
        for node in self.nodes:
            if node.name == name:
                tensors.update(node.output)
            elif tensors & outer_names(node):
                names.add(node.name)
                tensors.update(node.output)
        return names

    def activated(self, node: onnx.NodeProto) -> str:
        """The output of a node with the activation that runtimes fuse into it."""
        output = str(node.output[0])
        after = self.consumers.get(output, [])
        fused = len(after) == 1 and after[0].op_type in ACTIVATIONS and output not in self.outputs
        return str(after[0].output[0]) if fused else output

    def normalisation(self) -> Normalisation | None:
        """The uniform normalisation after the input, up to planar channels.

        None if channels differ, the mean is no grey level, or the network turns the channels itself later on.
        """
        name, factor, offset, planar = FRAME, 1.0, 0.0, False
        nodes: list[str] = []
        while len(self.consumers.get(name, [])) == 1:
            node = self.consumers[name][0]
            constant = self.constants.get(node.input[1]) if len(node.input) == 2 else None
            if node.op_type in ("Sub", "Div", "Mul", "Add"):
                if constant is None or constant.size != 1:
                    return None
                number = float(constant.ravel()[0])
                if node.op_type in ("Sub", "Add"):
                    offset += number if node.op_type == "Add" else -number
                else:
                    scaled = number if node.op_type == "Mul" else 1 / number
                    factor, offset = factor * scaled, offset * scaled
            elif node.op_type == "Transpose":
                if planar or list(helper.get_node_attr_value(node, "perm")) != [0, 3, 1, 2]:
                    return None
                planar = True
            elif node.op_type != "Cast":
                break
            nodes.append(node.name)
            name = str(node.output[0])
        mean = -offset / factor
        whole = round(mean)
        if not planar or factor <= 0 or abs(mean - whole) > 1e-4 or not 0 <= whole <= 255:
            return None
        return Normalisation(whole, factor, name, tuple(nodes))


def sizes(nodes: Sequence[onnx.NodeProto]) -> set[str]:
    """Names of what pictures are scaled, cut, padded or shaped to, and of all that this is computed from.

    That goes back to the shapes of tensors. Older exporters divide these in float32; in float16, or in 256 levels,
    pictures would get other sizes. What a Range gives is among them, which ONNX does not define for float16.

    Args:
        nodes: those of a graph and of the graphs within them, of `all_nodes`.
    """
    producers = {name: node for node in nodes for name in node.output}
    others: dict[str, list[str]] = {}
    for pair in (pair for node in nodes for pair in same_tensors(node) if all(pair)):
        for name, other in (pair, pair[::-1]):
            others.setdefault(name, []).append(other)
    names = {name for node in nodes if node.op_type == "Range" for name in node.output}
    waiting = [name for node in nodes for name in node.input[SIZES.get(node.op_type, _NONE)] if name]
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            waiting += others.get(name, [])
            node = producers.get(name)
            if node is not None and node.op_type not in ("Shape", "Size") and not subgraphs(node):
                waiting += [each for each in node.input if each]
    return names


def _fold_casts(model: onnx.ModelProto) -> None:
    """Replaces a Cast of a constant (weights that are stored as float16) by its result."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    remaining = []
    for node in model.graph.node:
        if node.op_type != "Cast" or node.input[0] not in constants:
            remaining.append(node)
            continue
        kind = helper.tensor_dtype_to_np_dtype(helper.get_node_attr_value(node, "to"))
        folded = numpy_helper.to_array(constants[node.input[0]]).astype(kind)
        constants[node.output[0]] = numpy_helper.from_array(folded, node.output[0])
    used = {name for node in remaining for name in outer_names(node)}
    del model.graph.node[:]
    model.graph.node.extend(remaining)
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensor for name, tensor in constants.items() if name in used)


def _part_weights(model: onnx.ModelProto) -> None:
    """Gives convolutions that share their weights, as the scales of a pyramid do, a copy each: their inputs differ."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    seen: set[str] = set()
    for index, node in enumerate(model.graph.node):
        if node.op_type not in ("Conv", "ConvTranspose") or node.input[1] not in constants:
            continue
        if node.input[1] in seen:
            copied = model.graph.initializer.add()
            copied.CopyFrom(constants[node.input[1]])
            copied.name = node.input[1] = f"{node.input[1]}.{index}"
        seen.add(node.input[1])


def _bias_name(node: onnx.NodeProto) -> str:
    return str(node.input[2]) if len(node.input) > 2 else ""


def as_float(constant: NDArray[Any]) -> NDArray[np.float32]:
    """A constant's values as float32."""
    return np.asarray(constant, np.float32)
