"""Networks that mask with finite numbers, -1e9 and the like, are quantised as those that mask with -inf."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper

from edgeseg.agreement import Agreement
from edgeseg_export.precision.histogram import Histogram
from edgeseg_export.precision.quantize import quantize
from tests.export.foreign.their_onnx import Nodes, constant, imported, network
from tests.export.precision.their_networks import classified


def bordered(least: float) -> Callable[[str], Nodes]:
    """Scores in a border that a pool never takes."""
    return lambda s: [
        constant("pads", np.array([0, 0, 1, 1, 0, 0, 1, 1])),
        constant("never", np.array(least, np.float32)),
        helper.make_node("Pad", [s, "pads", "never"], ["wide"]),
        helper.make_node("MaxPool", ["wide"], ["most"], kernel_shape=[3, 3]),
        *classified("most"),
    ]


def attended(s: str) -> Nodes:
    """Scores times a softmax, whose mask is computed: (1 - valid) * -1e9."""
    return [
        constant("valid", (np.arange(16) < 9).astype(np.float32)),
        constant("one", np.array(1, np.float32)),
        constant("far", np.array(-1e9, np.float32)),
        helper.make_node("Sub", ["one", "valid"], ["invalid"]),
        helper.make_node("Mul", ["invalid", "far"], ["mask"]),
        helper.make_node("Add", [s, "mask"], ["masked"]),
        helper.make_node("Softmax", ["masked"], ["share"], axis=-1),
        helper.make_node("Mul", [s, "share"], ["weighed"]),
        *classified("weighed"),
    ]


def filled(s: str) -> Nodes:
    """Scores beside a channel that never is the largest."""
    least = numpy_helper.from_array(np.array([-1e9], np.float32))
    return [
        constant("shape", np.array([1, 1, 12, 16])),
        helper.make_node("ConstantOfShape", ["shape"], ["never"], value=least),
        helper.make_node("Concat", [s, "never"], ["all"], axis=1),
        helper.make_node("ReduceMax", ["all"], ["most"], axes=[1], keepdims=1),
        helper.make_node("Mul", [s, "most"], ["weighed"]),
        *classified("weighed"),
    ]


def branching(s: str) -> Nodes:
    """Scores times a softmax, to which a mask has 2 ** 40 ways."""
    nodes = [
        constant("mask", np.where(np.arange(16) < 9, 0, -1e9).astype(np.float32)),
        constant("one", np.array(1, np.float32)),
        constant("zero", np.array(0, np.float32)),
    ]
    mask = "mask"
    for step in range(40):
        nodes.append(helper.make_node("Mul", [mask, "one"], [f"whole {step}"]))
        nodes.append(helper.make_node("Mul", [mask, "zero"], [f"nothing {step}"]))
        mask = f"mask {step}"
        nodes.append(helper.make_node("Add", [f"whole {step}", f"nothing {step}"], [mask]))
    return [
        *nodes,
        helper.make_node("Add", [s, mask], ["masked"]),
        helper.make_node("Softmax", ["masked"], ["share"], axis=-1),
        helper.make_node("Mul", [s, "share"], ["weighed"]),
        *classified("weighed"),
    ]


@pytest.mark.parametrize(
    "tail",
    [bordered(-1e9), bordered(-1e4), bordered(-100), attended, filled, branching],
    ids=["a border", "one of -1e4", "one of -100", "a computed mask", "a channel", "many ways"],
)
def test_they_agree_with_themselves(tail: Callable[[str], Nodes], frames: Path, tmp_path: Path) -> None:
    uniform = {"input_range": 255, "input_mean": [127.0] * 3, "input_std": [128.0] * 3}
    bundle = quantize(imported(network(tail), tmp_path, **uniform), frames, split="train", seven_bits=False).bundle
    assert len(bundle.artifacts) == 4
    for artifact in bundle.artifacts:
        agreement = artifact.measured.get(Agreement)
        assert agreement is None or agreement.mask_agreement > 95


@pytest.mark.parametrize(
    ("values", "masked"),
    [
        ([-1e4, -1, 2], True),
        ([-1e9, 0, 0], True),
        ([-1e4, -3e3, 2], False),
        ([-1e4, -1e4], False),
        ([-1, 1e4, 2], False),
        ([1, 2], False),
        ([0, 0], False),
    ],
)
def test_what_lies_far_below_all_else_is_a_mask(values: list[float], masked: bool) -> None:
    histogram = Histogram()
    histogram.add(np.array(values, np.float32).reshape(1, 1, -1))
    assert histogram.masked is masked
