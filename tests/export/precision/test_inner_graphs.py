"""Networks with graphs within their nodes, and with optional tensors, are quantised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgeseg.agreement import Agreement
from edgeseg_export.precision.quantize import quantize
from tests.export.foreign.their_onnx import Nodes, constant, imported, network
from tests.export.precision.their_networks import classified

FLOATS = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
UNIFORM = {"input_colour": "BGR", "input_range": 255, "input_mean": [127.0] * 3, "input_std": [128.0] * 3}
"""A normalisation with which INT8 takes the frame's pixels in groups."""

KINDS = {"onnxruntime fp32", "onnxruntime int8", "tensorrt fp16", "tensorrt int8"}


def branch(s: str, nodes: Nodes) -> Nodes:
    """An If that takes these nodes, from scores to "taken"; the other branch would give the scores as they are."""
    then, other = (helper.make_value_info(name, FLOATS) for name in ("taken", "left"))
    kept = [helper.make_node("Identity", [s], ["left"])]
    return [
        constant("yes", np.array(True)),
        helper.make_node(
            "If",
            ["yes"],
            ["chosen"],
            then_branch=helper.make_graph(nodes, "then", [], [then]),
            else_branch=helper.make_graph(kept, "else", [], [other]),
        ),
        *classified("chosen"),
    ]


def reads_from_outside(name: str, side: int) -> Callable[[str], Nodes]:
    """A branch that weighs the scores by a tensor of the main graph, `side` times as large, which others read too."""

    def tail(s: str) -> Nodes:
        pooled = helper.make_node("AveragePool", [name], ["pooled"], kernel_shape=[side] * 2, strides=[side] * 2)
        mean = helper.make_node("ReduceMean", ["pooled"], ["mean"], axes=[1])
        return branch(s, [pooled, mean, helper.make_node("Mul", [s, "mean"], ["taken"])])

    return tail


def scaled(s: str) -> Nodes:
    """A branch with a constant of the main graph that is the scale of its resize, and that it multiplies by too."""
    return [
        constant("ones", np.ones(2, np.float32)),
        constant("twice", np.full(2, 2, np.float32)),
        *branch(
            s,
            [
                helper.make_node("Concat", ["ones", "twice"], ["scales"], axis=0),
                helper.make_node("Resize", [s, "", "scales"], ["large"], mode="linear"),
                helper.make_node("AveragePool", ["large"], ["back"], kernel_shape=[2, 2], strides=[2, 2]),
                helper.make_node("ReduceMax", ["twice"], ["two"], keepdims=0),
                helper.make_node("Mul", ["back", "two"], ["taken"]),
            ],
        ),
    ]


def only_in_float(s: str) -> Nodes:
    """A branch with operators that ONNX does not define for float16."""
    return branch(
        s,
        [
            helper.make_node("Celu", [s], ["bent"], alpha=2.0),
            helper.make_node("IsInf", ["bent"], ["infinite"]),
            helper.make_node("Where", ["infinite", s, "bent"], ["taken"]),
        ],
    )


def optional(s: str) -> Nodes:
    return [
        helper.make_node("Optional", [s], ["perhaps"]),
        helper.make_node("OptionalGetElement", ["perhaps"], ["got"]),
        *classified("got"),
    ]


def absent(s: str) -> Nodes:
    """An optional tensor that is not there, so that the scores are taken as they are."""
    then = helper.make_graph(
        [helper.make_node("OptionalGetElement", ["none"], ["got"])], "then", [], [helper.make_value_info("got", FLOATS)]
    )
    other = helper.make_graph(
        [helper.make_node("Identity", [s], ["left"])], "else", [], [helper.make_value_info("left", FLOATS)]
    )
    return [
        helper.make_node("Optional", [], ["none"], type=FLOATS),
        helper.make_node("OptionalHasElement", ["none"], ["there"]),
        helper.make_node("If", ["there"], ["chosen"], then_branch=then, else_branch=other),
        *classified("chosen"),
    ]


def carried(s: str) -> Nodes:
    """A loop that scales the scores up, by a scale that it hands from turn to turn, and down again."""
    turn, go, on = (
        helper.make_tensor_value_info(name, kind, [])
        for name, kind in (("turn", TensorProto.INT64), ("go", TensorProto.BOOL), ("on", TensorProto.BOOL))
    )
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Resize", ["picture", "", "scale"], ["large"], mode="linear"),
            helper.make_node("MaxPool", ["large"], ["next picture"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Mul", ["scale", "ones"], ["next scale"]),
        ],
        "body",
        [turn, go, *(helper.make_value_info(name, FLOATS) for name in ("picture", "scale"))],
        [on, *(helper.make_value_info(name, FLOATS) for name in ("next picture", "next scale"))],
    )
    return [
        constant("turns", np.array(2)),
        constant("yes", np.array(True)),
        constant("ones", np.ones(4, np.float32)),
        constant("start", np.array([1, 1, 2.1, 2.1], np.float32)),
        helper.make_node("Loop", ["turns", "yes", s, "start"], ["looped", "end"], body=body),
        helper.make_node("ReduceMax", ["end"], ["factor"], keepdims=0),
        helper.make_node("Mul", ["looped", "factor"], ["weighed"]),
        *classified("weighed"),
    ]


def chosen(s: str) -> Nodes:
    """A branch that gives a picture, and the scale that it is resized by."""
    then, other = (
        helper.make_graph(
            [constant(f"scale {kind}", np.array([1, 1, 2.1, 2.1], np.float32)), helper.make_node(kind, [s], [kind])],
            kind,
            [],
            [helper.make_value_info(f"scale {kind}", FLOATS), helper.make_value_info(kind, FLOATS)],
        )
        for kind in ("Relu", "Neg")
    )
    return [
        constant("yes", np.array(True)),
        helper.make_node("If", ["yes"], ["scale", "picture"], then_branch=then, else_branch=other),
        helper.make_node("Resize", ["picture", "", "scale"], ["large"], mode="linear"),
        helper.make_node("MaxPool", ["large"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        *classified("small"),
    ]


TAILS = {
    "the first layer": reads_from_outside("r0", 2),
    "the input": reads_from_outside("x", 4),
    "a scale": scaled,
    "a scale that a loop carries": carried,
    "a scale that a branch gives": chosen,
    "only float32": only_in_float,
    "an optional tensor": optional,
    "an absent one": absent,
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_they_agree_with_themselves(tail: Callable[[str], Nodes], frames: Path, tmp_path: Path) -> None:
    bundle = imported(network(tail, opset=17), tmp_path, **UNIFORM)
    bundle = quantize(bundle, frames, split="train", seven_bits=False).bundle
    assert {str(each) for each in bundle.artifacts} == KINDS
    for artifact in bundle.artifacts:
        agreement = artifact.measured.get(Agreement)
        assert agreement is None or agreement.mask_agreement > 95
