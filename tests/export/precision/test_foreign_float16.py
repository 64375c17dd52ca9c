"""What float16 does to networks of other people: refused where it cannot hold them, else measured."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeseg.agreement import Agreement
from edgeseg.measured import HalfRange
from edgeseg_export.precision.float_graph import FloatGraph, sizes
from edgeseg_export.precision.quantize import quantize
from edgeseg_export.precision.to_half import to_half
from tests.export.foreign.their_onnx import Nodes, constant, imported, network
from tests.export.precision.their_networks import multiplied


def refused(tail: Callable[[str], Nodes], frames: Path, tmp_path: Path, opset: int = 13) -> str:
    """Why there is no float16 of a network, which is quantised for ONNX Runtime all the same."""
    found = quantize(imported(network(tail, opset=opset), tmp_path), frames, split="train", seven_bits=False)
    assert [str(each) for each in found.bundle.artifacts if each.target == "tensorrt"] == []
    assert found.bundle.artifact(target="onnxruntime", precision="int8").measured.get(Agreement) is not None
    said = [miss for miss in found.misses if miss.startswith("nothing is written for TensorRT: ")]
    assert len(said) == 1
    return said[0]


def test_what_float16_cannot_hold_is_refused(frames: Path, tmp_path: Path) -> None:
    assert "constant network/large exceeds float16" in refused(multiplied, frames, tmp_path)


def test_activations_that_float16_cannot_hold_are_refused(frames: Path, tmp_path: Path) -> None:
    def far_out(s: str) -> Nodes:
        return [
            constant("large", np.array(5e4, np.float32)),
            helper.make_node("Mul", [s, "large"], ["m"]),
            helper.make_node("Div", ["m", "large"], ["out"]),
        ]

    said = refused(far_out, frames, tmp_path)
    assert re.search(r"float16 cannot hold this network: activation network/m reaches .* times", said)


def test_what_overflows_in_between_is_not_run_unasked(frames: Path, tmp_path: Path) -> None:
    def normalised(s: str) -> Nodes:  # x / infinity is 0: no logit shows that the squares overflowed
        return [
            constant("large", np.array(1000, np.float32)),
            constant("two", np.array(2, np.float32)),
            helper.make_node("Mul", [s, "large"], ["m"]),
            helper.make_node("Pow", ["m", "two"], ["squares"]),
            helper.make_node("ReduceMean", ["squares"], ["mean"], axes=[1], keepdims=1),
            helper.make_node("Sqrt", ["mean"], ["root"]),
            helper.make_node("Div", ["m", "root"], ["out"]),
        ]

    found = quantize(imported(network(normalised), tmp_path), frames, split="train")
    assert [miss for miss in found.misses if miss.startswith("tensorrt fp16: rounding to float16 leaves")]
    assert [miss for miss in found.misses if miss.startswith("tensorrt int8: rounding to float16 leaves")]


def test_what_would_be_no_valid_onnx_in_float16_keeps_its_int8(frames: Path, tmp_path: Path) -> None:
    def read_twice(s: str) -> Nodes:  # the mean that a LayerNormalization gives is float32, whatever it reads
        return [
            constant("ones", np.ones(16, np.float32)),
            helper.make_node("LayerNormalization", [s, "ones"], ["normalised", "mean"], axis=-1),
            helper.make_node("Add", ["normalised", "mean"], ["out"]),
        ]

    assert "fp16 for tensorrt would be no valid ONNX" in refused(read_twice, frames, tmp_path, opset=17)


def inner(operations: list[tuple[str, str]], number: float) -> Callable[[str], Nodes]:
    """A tail in which an If applies operators with a constant of its own, one after the other."""

    def tail(s: str) -> Nodes:
        result = helper.make_tensor_value_info(operations[-1][1], TensorProto.FLOAT, None)
        own = [numpy_helper.from_array(np.array(number, np.float32), "own")]
        names = [s, *(name for _, name in operations)]
        nodes = [
            helper.make_node(kind, [before, "own"], [name])
            for (kind, name), before in zip(operations, names, strict=False)
        ]
        branch = helper.make_graph(nodes, "branch", [], [result], own)
        yes = constant("yes", np.array(True))
        return [yes, helper.make_node("If", ["yes"], ["out"], then_branch=branch, else_branch=branch)]

    return tail


def test_rounding_within_a_branch_is_measured_too(frames: Path, tmp_path: Path) -> None:
    there_and_back = inner([("Add", "there"), ("Sub", "back")], 8192)
    found = quantize(imported(network(there_and_back), tmp_path), frames, split="train")
    assert [miss for miss in found.misses if miss.startswith("tensorrt fp16: rounding to float16 leaves")]


def test_a_constant_within_a_branch_that_float16_cannot_hold_is_refused(frames: Path, tmp_path: Path) -> None:
    there_and_back = inner([("Mul", "far"), ("Div", "back")], 1e5)
    assert "constant network/own exceeds float16" in refused(there_and_back, frames, tmp_path)


def test_the_scales_of_a_resize_are_not_rounded(frames: Path, tmp_path: Path) -> None:
    def smaller_and_back(s: str) -> Nodes:
        third = np.array([1, 1, 1 / 3, 1 / 3], np.float32)
        return [
            constant("third", third),
            constant("size", np.array([1, 5, 12, 16])),
            helper.make_node("Resize", [s, "", "third"], ["small"], mode="linear"),
            helper.make_node("Resize", ["small", "", "", "size"], ["back"], mode="linear"),
            helper.make_node("Add", [s, "back"], ["out"]),
        ]

    bundle = quantize(imported(network(smaller_and_back), tmp_path), frames, split="train").bundle
    fact = bundle.artifact(target="tensorrt", precision="fp16").measured.get(HalfRange)
    assert fact is not None
    assert fact.rounded is not None
    assert fact.rounded.mask_agreement > 99


@pytest.mark.parametrize("operator", ["Slice", "Pad", "Expand", "Reshape", "Tile", "ConstantOfShape"])
def test_what_pictures_are_cut_padded_or_shaped_to_is_a_size(operator: str) -> None:
    made = [
        *shortened("picture"),
        helper.make_node("Neg", ["picture"], ["other"]),
        helper.make_node(operator, ["end"] if operator == "ConstantOfShape" else ["other", "end"], ["out"]),
    ]
    assert sizes(made) == {"shape", "two", "height", "float", "part", "shorter", "end"}


def test_sizes_that_are_computed_in_floats_are_not_rounded() -> None:
    """Older exporters compute with shapes in float32: 0.7 of 197 is 137.9, and 138 in float16."""
    nodes = [
        helper.make_node("Cast", ["frame"], ["picture"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["picture"], ["planar"], perm=[0, 3, 1, 2]),
        *shortened("planar"),
        helper.make_node("Slice", ["planar", "zero", "end", "two"], ["logits"]),
    ]
    constants = {"two": np.array([2]), "zero": np.array([0]), "part": np.array([0.7], np.float32)}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, [1, 197, 8, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3, None, 8])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    half = to_half(FloatGraph(model)).graph
    kinds = {node.output[0]: helper.get_node_attr_value(node, "to") for node in half.node if node.op_type == "Cast"}
    assert (kinds["float"], kinds["picture"]) == (TensorProto.FLOAT, TensorProto.FLOAT16)
    assert {tensor.name: tensor.data_type for tensor in half.initializer}["part"] == TensorProto.FLOAT


def shortened(picture: str) -> Nodes:
    """Computes "end", a part of the height of a picture, in float32."""
    return [
        helper.make_node("Shape", [picture], ["shape"]),
        helper.make_node("Gather", ["shape", "two"], ["height"]),
        helper.make_node("Cast", ["height"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "part"], ["shorter"]),
        helper.make_node("Cast", ["shorter"], ["end"], to=TensorProto.INT64),
    ]


def test_what_becomes_zero_in_float16_is_named(frames: Path, tmp_path: Path) -> None:
    def divided(s: str) -> Nodes:
        return [
            constant("little", np.array(1e-12, np.float32)),
            helper.make_node("Mul", [s, "little"], ["m"]),
            helper.make_node("Div", ["m", "little"], ["out"]),
        ]

    assert "something that it divides by becomes 0 there" in refused(divided, frames, tmp_path)


def test_the_rounding_of_activations_to_float16_is_measured(frames: Path, tmp_path: Path) -> None:
    def far_off(s: str) -> Nodes:  # near 4096 float16 holds every fourth number
        return [
            constant("far", np.array(4096, np.float32)),
            helper.make_node("Add", [s, "far"], ["there"]),
            helper.make_node("Sub", ["there", "far"], ["out"]),
        ]

    bundle = quantize(imported(network(far_off), tmp_path), frames, split="train").bundle
    fact = bundle.artifact(target="tensorrt", precision="fp16").measured.get(HalfRange)
    assert fact is not None
    assert fact.rounded is not None
    assert 1.5 < fact.rounded.max_difference <= 2.1
