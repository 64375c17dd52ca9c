"""Layers that are to stay in float are computed in float, by ONNX Runtime's optimised graph too."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgeseg_export.precision.calibration import calibrate
from edgeseg_export.precision.float_graph import FRAME, FloatGraph
from edgeseg_export.precision.qdq import Recipe
from edgeseg_export.precision.qdq_onnxruntime import emit, layers


def network() -> FloatGraph:
    """Four convolutions and a slice of the logits; the second has channels of very different weights."""
    random = np.random.default_rng(1)
    shapes = {"a": (4, 3, 3, 3), "b": (4, 1, 3, 3), "c": (4, 4, 1, 1), "head": (3, 4, 1, 1)}
    constants = {f"{name}.weight": random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    constants["b.weight"] *= np.array([0.01, 0.1, 1, 30], np.float32).reshape(4, 1, 1, 1)
    constants["c.weight"] /= np.array([0.01, 0.1, 1, 30], np.float32).reshape(1, 4, 1, 1)
    ends = {"start": np.array([0, 0]), "end": np.array([7, 7]), "axes": np.array([2, 3])}
    nodes = [
        helper.make_node("Cast", ["frame"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planar"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planar", "a.weight"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["a.active"]),
        helper.make_node("Conv", ["a.active", "b.weight"], ["b"], pads=[1, 1, 1, 1], group=4),
        helper.make_node("Relu", ["b"], ["b.active"]),
        helper.make_node("Conv", ["b.active", "c.weight"], ["c"]),
        helper.make_node("Conv", ["c", "head.weight"], ["whole"]),
        helper.make_node("Slice", ["whole", "start", "end", "axes"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, [1, 8, 8, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3, 7, 7])],
        [numpy_helper.from_array(values, name) for name, values in {**constants, **ends}.items()],
    )
    for index, node in enumerate(graph.node):
        node.name = f"{index}_{node.op_type}"
    return FloatGraph(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8))


def frames(number: int) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(2)
    return [random.integers(0, 256, (1, 8, 8, 3), dtype=np.uint8) for _ in range(number)]


def logits(model: onnx.ModelProto, level: ort.GraphOptimizationLevel) -> NDArray[np.float32]:
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found: list[NDArray[np.float32]] = [session.run(None, {FRAME: frame})[0] for frame in frames(3)]
    return np.concatenate(found)


@pytest.mark.parametrize(
    "recipe",
    [Recipe("minmax"), Recipe("minmax", frozenset({"b"})), Recipe("minmax", alone="b"), Recipe("minmax", alone="c")],
)
def test_the_optimised_graph_computes_what_is_written(recipe: Recipe) -> None:
    """Left to itself, ONNX Runtime quantises float weights between DQ and Q, all of them with one scale."""
    graph = network()
    model = emit(graph, calibrate(graph, frames(3), total=3), recipe)
    written = logits(model, ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
    optimised = logits(model, ort.GraphOptimizationLevel.ORT_ENABLE_ALL)
    assert np.abs(optimised - written).max() <= 0.02 * np.abs(written).max()


def test_logits_are_not_quantised_by_what_comes_after_them() -> None:
    graph = network()
    model = emit(graph, calibrate(graph, frames(3), total=3), Recipe("minmax"))
    assert layers(graph) == ["a", "b", "c"]
    producers = {name: node.op_type for node in model.graph.node for name in node.output}
    (cut,) = [node for node in model.graph.node if node.op_type == "Slice"]
    assert producers[cut.input[0]] == "Transpose"  # of the head's product, in float
    assert cut.output[0] == "logits"
