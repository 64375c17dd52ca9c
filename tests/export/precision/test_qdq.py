"""What INT8 for both runtimes shares: grids of weights, corrected biases, ranges that tensors have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgeseg_export.precision.float_graph import FloatGraph
from edgeseg_export.precision.histogram import Histogram
from edgeseg_export.precision.qdq import (
    LARGEST_OF_SEVEN_BITS,
    SMALLEST_SCALE,
    Grid,
    Recipe,
    Rewriter,
    byte_tensors,
    corrected_bias,
    shared_ranges,
    weight_grid,
)

seeds = st.integers(0, 2**32 - 1)
largest_levels = st.sampled_from([127, 64])


def weights_of(seed: int, outputs: int = 5) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    weights = random.normal(size=(outputs, 3, 2, 3)) * 10.0 ** random.integers(-3, 3, (outputs, 1, 1, 1))
    return weights.astype(np.float32)


def per_channel(grid: Grid) -> NDArray[np.float64]:
    return grid.scale.astype(np.float64).reshape(-1, 1, 1, 1)


@given(seeds, largest_levels)
def test_levels_are_the_nearest_and_reach_the_largest(seed: int, largest: int) -> None:
    weights = weights_of(seed)
    grid, levels = weight_grid(weights, largest=largest)
    assert levels.dtype == grid.zero.dtype == np.int8
    assert grid.scale.dtype == np.float32
    assert grid.zero.shape == grid.scale.shape == (5,)
    assert not grid.zero.any()
    assert (np.abs(levels.astype(int)).max(axis=(1, 2, 3)) == largest).all()
    assert (np.abs(levels * per_channel(grid) - weights) <= 0.5001 * per_channel(grid)).all()


def test_products_of_seven_bits_fit_into_16() -> None:
    """A pair of products with uint8, as x86 adds them."""
    assert 2 * 255 * LARGEST_OF_SEVEN_BITS < 2**15 <= 2 * 255 * (LARGEST_OF_SEVEN_BITS + 1)
    assert np.abs(weight_grid(weights_of(0))[1].astype(int)).max() == np.iinfo(np.int8).max


def test_scales_of_nothing_are_small_and_no_zero() -> None:
    for half in (False, True):
        grid, levels = weight_grid(np.zeros((2, 3, 1, 1), np.float32), half=half)
        assert (grid.scale == SMALLEST_SCALE).all()
        assert not levels.any()
    assert 0 < np.float16(SMALLEST_SCALE) == SMALLEST_SCALE < 1e-6


@given(seeds)
def test_scales_of_float16_are_float16(seed: int) -> None:
    weights = weights_of(seed)
    grid, levels = weight_grid(weights, half=True)
    assert (grid.scale.astype(np.float16) == grid.scale).all()
    assert (grid.scale != weight_grid(weights)[0].scale).any()
    nearest = np.clip(np.round(weights / per_channel(grid)), -127, 127)
    assert np.abs(levels - nearest).max() <= 1  # where float32 and float64 round a half differently


def test_a_floor_holds_where_it_is_higher() -> None:
    weights = weights_of(1)
    free = weight_grid(weights)[0].scale
    floor = np.array([2, 0.5, 2, 0.5, 1]) * free.astype(np.float64)
    raised = weight_grid(weights, floor=floor)[0].scale
    assert np.allclose(raised, np.maximum(free, floor), rtol=1e-6)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_constant_channels_keep_their_output_in_spite_of_rounding(groups: int) -> None:
    """Where every channel is its mean, the corrected bias makes good all that rounding the weights does."""
    random = np.random.default_rng(groups)
    means = random.normal(size=4) * 5
    weights = random.normal(size=(8, 4 // groups, 3, 3)).astype(np.float32)
    weights[:, 0, 0, 0] = 40  # a coarse grid
    bias = random.normal(size=8).astype(np.float32)
    grid, levels = weight_grid(weights)
    corrected = corrected_bias(bias, weights, grid, levels, means)
    inputs = [means[(channel // (8 // groups)) * (4 // groups) :][: 4 // groups] for channel in range(8)]

    def outputs(kernels: NDArray[Any], offsets: NDArray[Any]) -> list[float]:
        return [
            float(offset + sum(kernel[place].sum(dtype=np.float64) * mean for place, mean in enumerate(channel)))
            for kernel, offset, channel in zip(kernels, offsets, inputs, strict=True)
        ]

    rounded = levels * per_channel(grid)
    assert np.abs(np.subtract(outputs(rounded, bias), outputs(weights, bias))).max() > 0.1
    assert np.allclose(outputs(rounded, corrected), outputs(weights, bias), atol=1e-9)


def graph_of(nodes: Iterable[onnx.NodeProto], constants: dict[str, NDArray[Any]], *, opset: int = 13) -> FloatGraph:
    """From "frame" to "logits"; the nodes' shapes are never looked at."""
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, [1, 8, 8, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3, 8, 8])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
        value_info=[helper.make_tensor_value_info("a", TensorProto.FLOAT, [1, 4, 8, 8])],
    )
    for index, node in enumerate(graph.node):
        node.name = f"{index}_{node.op_type}"
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("local", 1)]
    return FloatGraph(helper.make_model(graph, opset_imports=opsets, ir_version=8))


WEIGHT = np.ones((4, 3, 1, 1), np.float32)
START = [
    helper.make_node("Cast", ["frame"], ["float"], to=TensorProto.FLOAT),
    helper.make_node("Transpose", ["float"], ["planar"], perm=[0, 3, 1, 2]),
    helper.make_node("Sub", ["planar", "mean"], ["centred"]),
    helper.make_node("Div", ["centred", "deviation"], ["normal"]),
]
NUMBERS: dict[str, NDArray[Any]] = {
    "mean": np.array(127, np.float32),
    "deviation": np.array(128, np.float32),
    "ends": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
    **{f"network.{name}.weight": WEIGHT for name in ("a", "b", "head")},
}


def convolution(name: str, source: str, output: str) -> onnx.NodeProto:
    return helper.make_node("Conv", [source, f"network.{name}.weight"], [output])


def chain() -> FloatGraph:
    """Padding, two convolutions, the head, and something after it."""
    return graph_of(
        [
            *START,
            helper.make_node("Pad", ["normal", "ends"], ["padded"]),
            helper.make_node("Slice", ["padded", "ends", "ends"], ["cut"]),
            convolution("a", "cut", "a"),
            helper.make_node("Pad", ["a", "ends"], ["a.padded"]),
            convolution("b", "a.padded", "b"),
            convolution("head", "b", "whole"),
            helper.make_node("Resize", ["whole"], ["logits"]),
        ],
        NUMBERS,
    )


def test_bytes_stay_bytes_where_they_are_only_moved() -> None:
    assert byte_tensors(chain()) == {"normal", "padded", "cut"}
    uneven = {**NUMBERS, "mean": np.array(127.5, np.float32)}
    assert byte_tensors(graph_of([*START, convolution("head", "normal", "logits")], uneven)) == set()


def test_the_head_and_what_follows_stay_float() -> None:
    graph = chain()
    names = {node.op_type if node.op_type != "Conv" else graph.layer(node): node.name for node in graph.nodes}
    always = {names["head"], names["Resize"]}
    assert Recipe("minmax").float_nodes(graph) == always
    assert Recipe("minmax", keep=frozenset({"a"})).float_nodes(graph) == always | {names["a"]}
    everything = {node.name for node in graph.nodes}
    assert Recipe("minmax", alone="b").float_nodes(graph) == everything - {names["b"]}


def test_choices_do_not_change() -> None:
    for fixed, name in ((Recipe("minmax"), "method"), (Grid(np.ones(1, np.float32), np.zeros(1, np.int8)), "scale")):
        with pytest.raises(FrozenInstanceError):
            setattr(fixed, name, None)


def histogram(*values: float) -> Histogram:
    counted = Histogram()
    counted.add(np.array(values, np.float32).reshape(1, 1, -1))
    return counted


def test_tensors_that_only_move_values_have_one_range() -> None:
    """A MaxPool, a Concat of its result, a Resize of that: one group. Relu and Add make new values."""
    graph = graph_of(
        [
            convolution("a", "frame", "a"),
            helper.make_node("MaxPool", ["a"], ["pooled"]),
            helper.make_node("Relu", ["pooled"], ["active"]),
            convolution("b", "active", "b"),
            helper.make_node("Concat", ["b", "pooled"], ["joined"]),
            helper.make_node("Resize", ["joined", "", "mean"], ["large"]),
            helper.make_node("Add", ["large", "b"], ["logits"]),
        ],
        NUMBERS,
    )
    histograms = {
        **{"a": histogram(-1, 3), "pooled": histogram(-1, 2), "active": histogram(0, 2), "b": histogram(-5, 1)},
        **{"joined": histogram(-5, 2), "large": histogram(-4, 2), "logits": histogram(-9, 9)},
    }
    ranges = shared_ranges(graph, set(histograms), histograms, "minmax", symmetric=False)
    group = {"a", "pooled", "b", "joined", "large"}
    own = {name: each.range("minmax", symmetric=False) for name, each in histograms.items()}
    assert ranges == {**own, **dict.fromkeys(group, (-5, 3))}
    symmetric = shared_ranges(graph, set(histograms), histograms, "minmax", symmetric=True)
    assert symmetric["large"] == (-5, 5)
    assert symmetric["active"] == (-2, 2)
    without = shared_ranges(graph, {"a", "large", "active"}, histograms, "minmax", symmetric=False)
    assert without == {"a": (-1, 3), "large": (-4, 2), "active": (0, 2)}


def test_ranges_hold_zero() -> None:
    graph = graph_of([convolution("a", "frame", "a"), helper.make_node("Relu", ["a"], ["logits"])], NUMBERS)
    ranges = shared_ranges(graph, {"a"}, {"a": histogram(2, 3)}, "minmax", symmetric=False)
    assert ranges == {"a": (0, 3)}
    ranges = shared_ranges(graph, {"a"}, {"a": histogram(-3, -2)}, "minmax", symmetric=False)
    assert ranges == {"a": (-3, 0)}


def test_a_graph_is_written_anew() -> None:
    graph = chain()
    rewriter = Rewriter()
    grid = Grid(np.array(0.5, np.float32), np.array(7, np.uint8))
    for node in graph.nodes:
        if node.op_type == "Slice":
            rewriter.add(node, ["padded", "ends", "other"])
        else:
            rewriter.add(node)
        if node.output[0] == "normal":
            rewriter.rename("normal", rewriter.pair("normal", grid))
    assert rewriter.current("normal") == "normal.dequantised"
    assert rewriter.current("a") == "a"
    rewriter.constant("other", np.array([5]))
    weight = rewriter.stored("w", np.ones((4, 3, 1, 1), np.int8), Grid(np.ones(4, np.float32), np.zeros(4, np.int8)))
    rewriter.add(graph.nodes[6], ["cut", weight])
    model = rewriter.model(graph, 19)

    made = {node.output[0]: node for node in model.graph.node}
    quantise, dequantise = made["normal.quantised"], made["normal.dequantised"]
    assert (quantise.op_type, dequantise.op_type) == ("QuantizeLinear", "DequantizeLinear")
    assert list(quantise.input) == ["normal", "normal.scale", "normal.zero"]
    assert list(dequantise.input) == ["normal.quantised", "normal.scale", "normal.zero"]
    assert list(made["padded"].input) == ["normal.dequantised", "ends"]
    assert list(made["cut"].input) == ["padded", "ends", "other"]
    assert list(made[weight].input) == ["w.quantised", "w.scale", "w.zero"]
    assert helper.get_node_attr_value(made[weight], "axis") == 0
    assert len({node.name for node in model.graph.node if node.op_type.endswith("Linear")}) == 3
    assert [list(node.input) for node in graph.nodes] == [list(node.input) for node in chain().nodes]

    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    assert set(values) == {name for node in model.graph.node for name in node.input if name not in made} - {"frame"}
    assert values["normal.scale"] == 0.5
    assert values["normal.zero"] == 7
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": 19, "local": 1}
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["frame", "logits"]
    assert not model.graph.value_info
    assert graph.model.graph.value_info
