"""The network without what edgeseg puts before it: other runtimes want float images, normalised outside the graph."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgeseg.atomic import atomic_file
from edgeseg.errors import UsageError


class Normalisation(NamedTuple):
    """(levels - mean) / deviation: one number a channel, blue, green, red."""

    mean: list[float]
    deviation: list[float]


def write(model: Path, file: Path) -> Normalisation:
    """Writes the fp32 network of an artifact as plain ONNX: "image", float32 (1, 3, H, W), to "logits".

    Weights are stored as float32, so nothing but the network is left: no Cast, no normalisation.

    Raises:
        UsageError: the graph does not begin with a Cast and a Transpose.
    """
    loaded = onnx.load(model)
    graph = loaded.graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]].astype(np.float32)
        else:
            nodes.append(node)
    frame = graph.input[0]
    name, mean, deviation, planar = frame.name, np.zeros(3), np.ones(3), False
    while (node := nodes[0]).op_type in ("Cast", "Transpose", "Sub", "Div") and node.input[0] == name:
        if node.op_type == "Sub":
            mean = mean + _levels(constants, node) * deviation
        elif node.op_type == "Div":
            deviation = deviation * _levels(constants, node)
        planar |= node.op_type == "Transpose"
        name = node.output[0]
        nodes.pop(0)
    if not planar:
        raise UsageError(
            f"{model.name} begins with {node.op_type}, expected a Transpose; export it with `edgeseg export`"
        )
    for node in nodes:
        node.input[:] = ["image" if each == name else each for each in node.input]
    used = {each for node in nodes for each in node.input}
    height, width = (each.dim_value for each in frame.type.tensor_type.shape.dim[1:3])
    network = helper.make_graph(
        nodes,
        graph.name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, height, width])],
        list(graph.output),
        [numpy_helper.from_array(value, each) for each, value in constants.items() if each in used],
    )
    with atomic_file(file) as temporary:
        onnx.save(helper.make_model(network, opset_imports=loaded.opset_import, ir_version=8), temporary)
    return Normalisation(mean.tolist(), deviation.tolist())


def _levels(constants: dict[str, NDArray[np.generic]], node: onnx.NodeProto) -> NDArray[np.float64]:
    """The constant of an arithmetic node, one number a channel."""
    value = np.asarray(constants[node.input[1]], np.float64)
    return np.broadcast_to(value.ravel(), (3,))
