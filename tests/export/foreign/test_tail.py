"""What follows the logits is left out, and the answer stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import edgeseg
from edgeseg.errors import ExportError
from edgeseg_export.foreign.make_spec import make_spec
from edgeseg_export.frames import sample_frames
from tests.export.foreign.their_onnx import (
    CLASSES,
    HEIGHT,
    WIDTH,
    Nodes,
    argmaxed,
    by_hand,
    constant,
    description,
    imported,
    network,
    resized,
)

TAILS: dict[str, tuple[Callable[[str], Nodes], int, list[str]]] = {
    "softmax": (lambda s: [helper.make_node("Softmax", [s], ["out"], axis=1)], TensorProto.FLOAT, ["Softmax"]),
    "resize": (
        lambda s: [*resized(s), helper.make_node("Identity", ["large"], ["out"])],
        TensorProto.FLOAT,
        ["Resize"],
    ),
    "argmax": (argmaxed, TensorProto.UINT8, ["Resize", "ArgMax"]),
    "top one": (
        lambda s: [constant("one", np.array([1])), helper.make_node("TopK", [s, "one"], ["most", "out"], axis=1)],
        TensorProto.INT64,
        ["ArgMax"],
    ),
    "resize to the same size": (
        lambda s: [
            *resized(s),
            constant("ones", np.ones(4, np.float32)),
            helper.make_node("Resize", ["large", "roi", "ones"], ["out"], mode="linear"),
        ],
        TensorProto.FLOAT,
        ["Resize", "Resize"],
    ),
    "nhwc": (
        lambda s: [
            helper.make_node("Transpose", [s], ["last"], perm=[0, 2, 3, 1]),
            helper.make_node("Softmax", ["last"], ["out"], axis=3),
        ],
        TensorProto.FLOAT,
        ["Softmax"],
    ),
}


@pytest.mark.parametrize("name", TAILS)
def test_what_follows_the_logits_is_undone(tmp_path: Path, name: str) -> None:
    tail, out, undone = TAILS[name]
    bundle = imported(network(tail, out=out), tmp_path)
    figures = bundle.artifacts[0].measured.facts["original"]
    assert figures["undone"] == undone
    assert figures["mask_agreement"] >= 99.9
    kinds = {node.op_type for node in onnx.load(bundle.path(bundle.artifacts[0])).graph.node}
    assert not kinds & {"ArgMax", "Softmax", "Resize"}
    plain = network()
    data = description()["input"]
    frame = sample_frames(None)[1]
    np.testing.assert_allclose(edgeseg.load(bundle).logits(frame), by_hand(plain, frame, data), atol=1e-3)


def test_a_resize_stays_where_the_stride_says_so(tmp_path: Path) -> None:
    def asymmetric(scores: str) -> Nodes:
        return [
            *resized(scores, coordinate_transformation_mode="asymmetric"),
            helper.make_node("ArgMax", ["large"], ["out"], axis=1),
        ]

    model = network(asymmetric, out=TensorProto.INT64)
    with pytest.raises(ExportError, match=r"asymmetric.*give the stride after that resize"):
        imported(model, tmp_path)
    bundle = imported(model, tmp_path, stride=1)
    assert bundle.artifacts[0].measured.facts["original"]["undone"] == ["ArgMax"]


@pytest.mark.parametrize("tail", ["flat", "squeezed", "taken out"])
def test_class_ids_may_be_flattened_squeezed_or_taken_out(tmp_path: Path, tail: str) -> None:
    shape = np.array([1, -1] if tail == "flat" else [HEIGHT // 4, WIDTH // 4])

    def reshaped(s: str) -> Nodes:
        choice = helper.make_node("ArgMax", [s], ["ids"], axis=1, keepdims=1)
        if tail == "taken out":  # ids[0]
            return [choice, constant("first", np.array(0)), helper.make_node("Gather", ["ids", "first"], ["out"])]
        return [choice, constant("shape", shape), helper.make_node("Reshape", ["ids", "shape"], ["out"])]

    bundle = imported(network(reshaped, out=TensorProto.INT64), tmp_path)
    frame = sample_frames(None)[0]
    expected = by_hand(network(), frame, description()["input"])
    np.testing.assert_allclose(edgeseg.load(bundle).logits(frame), expected, atol=1e-3)


def turned(s: str) -> Nodes:
    """Scores whose bias is added once their channels come last, as keras and layers on tokens have it."""
    return [
        helper.make_node("Transpose", [s], ["last"], perm=[0, 2, 3, 1]),
        constant("bias", np.arange(CLASSES, dtype=np.float32) / 4),
        helper.make_node("Add", ["last", "bias"], ["biased"]),
    ]


LAST: dict[str, Callable[[str], Nodes]] = {
    "scores": lambda s: [*turned(s), helper.make_node("Identity", ["biased"], ["out"])],
    "softmax": lambda s: [*turned(s), helper.make_node("Softmax", ["biased"], ["out"], axis=-1)],
    "ids": lambda s: [*turned(s), helper.make_node("ArgMax", ["biased"], ["out"], axis=3, keepdims=0)],
}


@pytest.mark.parametrize("name", LAST)
def test_channels_of_scores_may_come_last(tmp_path: Path, name: str) -> None:
    frame = sample_frames(None)[0]
    out = TensorProto.INT64 if name == "ids" else TensorProto.FLOAT
    bundle = imported(network(LAST[name], out=out), tmp_path)
    made = make_spec(tmp_path / "theirs.onnx").data
    assert made["stride"] == 4
    assert f"{CLASSES} " in made["classes"]
    expected = by_hand(network(LAST["scores"]), frame, description()["input"]).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(edgeseg.load(bundle).logits(frame), expected, atol=1e-4 * np.abs(expected).max())


def test_channels_that_come_last_may_be_as_many_as_rows(tmp_path: Path) -> None:
    height = 4 * CLASSES
    imported(network(LAST["scores"], shape=(1, 3, height, WIDTH)), tmp_path, input_height=height)


def test_class_ids_that_are_turned_and_turned_back_are_taken(tmp_path: Path) -> None:
    def turned_twice(s: str) -> Nodes:
        return [
            helper.make_node("ArgMax", [s], ["ids"], axis=1, keepdims=0),
            helper.make_node("Transpose", ["ids"], ["turned"], perm=[0, 2, 1]),
            helper.make_node("Transpose", ["turned"], ["out"], perm=[0, 2, 1]),
        ]

    bundle = imported(network(turned_twice, out=TensorProto.INT64), tmp_path)
    frame = sample_frames(None)[0]
    expected = by_hand(network(), frame, description()["input"])
    np.testing.assert_allclose(edgeseg.load(bundle).logits(frame), expected, atol=1e-3)
