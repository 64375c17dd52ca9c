"""The first convolution over groups of pixels, and the last as a matrix product: the same answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgeseg_export.precision.as_written import AsWritten
from edgeseg_export.precision.calibration import calibrate
from edgeseg_export.precision.float_graph import FloatGraph
from edgeseg_export.precision.qdq import LARGEST_OF_SEVEN_BITS, Recipe
from edgeseg_export.precision.qdq_onnxruntime import emit

WIDTH, HEIGHT = 24, 9


def network(kernel: int, stride: int, pads: tuple[int, int, int, int], width: int = WIDTH) -> onnx.ModelProto:
    """Normalisation, a convolution with a ReLU, and a head: random weights."""
    random = np.random.default_rng(kernel + stride)
    constants = {
        "mean": np.array(127, np.float32),
        "deviation": np.array(128, np.float32),
        "stem.weight": random.normal(size=(5, 3, kernel, kernel)).astype(np.float32),
        "stem.bias": random.normal(size=5).astype(np.float32),
        "head.weight": random.normal(size=(3, 5, 1, 1)).astype(np.float32),
        "head.bias": random.normal(size=3).astype(np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["frame"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["float"], ["planar"], perm=[0, 3, 1, 2]),
            helper.make_node("Sub", ["planar", "mean"], ["centred"]),
            helper.make_node("Div", ["centred", "deviation"], ["normalised"]),
            helper.make_node(
                "Conv", ["normalised", "stem.weight", "stem.bias"], ["stem"], strides=[stride] * 2, pads=pads
            ),
            helper.make_node("Relu", ["stem"], ["active"]),
            helper.make_node("Conv", ["active", "head.weight", "head.bias"], ["logits"]),
        ],
        "small",
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, [1, HEIGHT, width, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3, None, None])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    for index, node in enumerate(model.graph.node):
        node.name = f"{index}_{node.op_type}"
    return model


def frames(number: int, width: int = WIDTH) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(7)
    return [random.integers(0, 256, (1, HEIGHT, width, 3), dtype=np.uint8) for _ in range(number)]


def int8(model: onnx.ModelProto, width: int = WIDTH) -> onnx.ModelProto:
    """With weights of 7 bits, whose sums are exact on every processor."""
    graph = FloatGraph(model)
    return emit(graph, calibrate(graph, frames(3, width), total=3), Recipe("minmax", largest=LARGEST_OF_SEVEN_BITS))


@given(
    kernel=st.sampled_from([1, 2, 3, 5]),
    stride=st.sampled_from([1, 2, 4]),
    left=st.integers(0, 4),
    right=st.integers(0, 5),
    vertical=st.tuples(st.integers(0, 2), st.integers(0, 2)),
)
def test_a_convolution_over_groups_gives_the_same_logits(
    kernel: int, stride: int, left: int, right: int, vertical: tuple[int, int]
) -> None:
    pads = vertical[0], left, vertical[1], right
    model = network(kernel, stride, pads)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgeseg_export.precision.qdq_onnxruntime.packing", lambda *_: None)
        plain = int8(model)
    packed = int8(model)
    onnx.checker.check_model(packed, full_check=True)
    in_groups = "frame.groups.Reshape" in [node.name for node in packed.graph.node]
    assert in_groups == ((WIDTH + left + right - kernel) // stride + 1 == WIDTH // stride)
    for frame in frames(2):
        assert np.array_equal(AsWritten(packed).infer(frame), AsWritten(plain).infer(frame))


def test_a_width_that_does_not_divide_is_left_alone() -> None:
    names = [node.name for node in int8(network(3, 2, (1, 1, 1, 1), 22), 22).graph.node]
    assert "frame.groups.Reshape" not in names


def test_the_optimised_graph_goes_from_bytes_to_logits_without_a_detour(tmp_path: Path) -> None:
    """A view of the bytes, an integer convolution, a view of its pixels, and the head as one matrix product."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    model = int8(network(3, 2, (1, 1, 1, 1)))
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node if node.op_type != "Reshape"]
    assert kinds == ["QLinearConv", "DequantizeLinear", "Gemm", "Transpose"]
    for frame in frames(2):
        assert np.allclose(session.run(None, {"frame": frame})[0], AsWritten(model).infer(frame), atol=1e-5)
