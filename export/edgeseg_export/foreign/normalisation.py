"""What stands between the frame and somebody else's network: channel order, mean and standard deviation.

Where the input goes to one convolution alone, the channel order is folded into its weights, or the sum that makes grey
of three channels; so are mean and standard deviation where they differ by channel: the deviation always, the mean if
nothing is padded (padding means 0 after the normalisation). Where they are the same for all channels they stay, as INT8
engines then read the bytes as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgeseg_export.foreign.model_spec import Preparation
from edgeseg_export.foreign.picture_input import FLOATS
from edgeseg_export.subgraphs import outer_names

LUMA = np.array([0.114, 0.587, 0.299])
"""Of blue, green and red in grey (ITU-R BT.601-7, 2.5.1)."""


def add_normalisation(
    graph: onnx.GraphProto,
    entry: str,
    preparation: Preparation,
    dtype: np.dtype[Any],
    nodes: list[onnx.NodeProto],
    last: bool,
) -> list[onnx.TensorProto]:
    """Adds what stands between the float BGR frame and the network; returns the constants that it reads.

    Args:
        graph: the network; its first convolution may change.
        entry: name of its input.
        preparation: what it wants.
        dtype: of its input.
        nodes: to add to.
        last: the channels are the last axis, not the second.
    """
    mean, deviation = preparation.levels
    reverse = preparation.colour == "RGB"
    uniform = len(set(mean)) == 1 and len(set(deviation)) == 1
    convolution = None if last else _only_convolution(graph, entry)
    constants: list[onnx.TensorProto] = []

    def add(kind: str, name: str, values: NDArray[np.generic], **attributes: Any) -> None:
        constants.append(numpy_helper.from_array(values, name))
        nodes.append(helper.make_node(kind, [nodes[-1].output[0], name], [f"frame.{name}"], name=name, **attributes))

    if preparation.colour == "GREY":  # the factors sum up to 1: mean and deviation may come before
        if convolution is not None:
            weight = _tensor(graph, convolution.input[1])
            _replace(weight, (numpy_helper.to_array(weight) * LUMA[None, :, None, None]).astype(dtype))
            convolution = None
        elif last:
            add("MatMul", "grey", LUMA[:, None].astype(dtype))
        else:
            add("Conv", "grey", LUMA[None, :, None, None].astype(dtype))
    if convolution is not None and reverse:
        weight = _tensor(graph, convolution.input[1])
        _replace(weight, numpy_helper.to_array(weight)[:, ::-1])
        mean, deviation, reverse = mean[::-1], deviation[::-1], False
    if reverse:
        add("Gather", "order", np.array([2, 1, 0], np.int64), axis=3 if last else 1)
    if convolution is not None and not uniform and dtype == np.float32:
        weight = _tensor(graph, convolution.input[1])
        scaled = numpy_helper.to_array(weight).astype(np.float64) / deviation[None, :, None, None]
        _replace(weight, scaled.astype(np.float32))
        deviation = np.ones(3)
        if _unpadded(convolution) and _has_plain_bias(graph, convolution):
            _shift(graph, convolution, -(scaled * mean[None, :, None, None]).sum(axis=(1, 2, 3)))
            mean = np.zeros(3)
    shape = () if uniform else (3,) if last else (1, 3, 1, 1)
    if mean.any():
        add("Sub", "mean", np.resize(mean, shape).astype(dtype))
    if (deviation != 1).any():
        add("Div", "deviation", np.resize(deviation, shape).astype(dtype))
    return constants


def _only_convolution(graph: onnx.GraphProto, entry: str) -> onnx.NodeProto | None:
    """The convolution that alone reads the input, if its weights are constants that nobody else reads."""
    readers = [node for node in graph.node if entry in outer_names(node)]
    if len(readers) != 1 or readers[0].op_type != "Conv" or entry in {value.name for value in graph.output}:
        return None
    weight = readers[0].input[1]
    shared = sum(weight in outer_names(node) for node in graph.node) > 1
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    groups = next((each.i for each in readers[0].attribute if each.name == "group"), 1)
    return readers[0] if kinds.get(weight) in FLOATS and not shared and groups == 1 else None


def _unpadded(convolution: onnx.NodeProto) -> bool:
    attributes = {each.name: helper.get_attribute_value(each) for each in convolution.attribute}
    return not any(attributes.get("pads", [])) and attributes.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID")


def _has_plain_bias(graph: onnx.GraphProto, convolution: onnx.NodeProto) -> bool:
    """Whether a convolution's bias is a constant, or absent; weights that are stored compressed are computed."""
    bias = convolution.input[2] if len(convolution.input) > 2 else ""
    return not bias or any(tensor.name == bias for tensor in graph.initializer)


def _shift(graph: onnx.GraphProto, convolution: onnx.NodeProto, by: NDArray[np.float64]) -> None:
    """Adds to a convolution's bias."""
    bias = np.zeros(len(by))
    if len(convolution.input) > 2 and convolution.input[2]:
        bias = numpy_helper.to_array(_tensor(graph, convolution.input[2])).astype(np.float64)
    name = f"{convolution.input[1]}.shifted"
    graph.initializer.append(numpy_helper.from_array((bias + by).astype(np.float32), name))
    del convolution.input[2:]
    convolution.input.append(name)


def _tensor(graph: onnx.GraphProto, name: str) -> onnx.TensorProto:
    tensors: dict[str, onnx.TensorProto] = {tensor.name: tensor for tensor in graph.initializer}
    return tensors[name]


def _replace(tensor: onnx.TensorProto, values: NDArray[np.generic]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))
