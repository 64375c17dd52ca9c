"""Labels that may overlap: what import makes of them, and which channels are none."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from onnx import TensorProto

import edgeseg
from edgeseg.bundle import Bundle
from edgeseg.errors import SpecError
from edgeseg.spec import Head
from edgeseg_export.foreign.import_onnx import import_onnx
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.frames import sample_frames
from tests.export.foreign.their_heads import clipped, hard, interpolated, node, sigmoid
from tests.export.foreign.their_onnx import (
    HEIGHT,
    WIDTH,
    Nodes,
    argmaxed,
    by_hand,
    description,
    imported,
    network,
    resized,
    saved,
)

FOUR_FIFTHS = math.log(0.8 / (1 - 0.8))
"""As a logit."""

OVERLAPPING: dict[str, tuple[Callable[[str], Nodes], int, float, Head, dict[str, Any]]] = {
    "sigmoid": (sigmoid, 4, 0.5, Head("multi-label", "logits", 0.0, exclusive=False), {}),
    "sigmoid, kept": (sigmoid, 1, 0.8, Head("multi-label", "logits", FOUR_FIFTHS, exclusive=False), {"threshold": 0.8}),
    "clipped": (clipped, 1, 0.5, Head("multi-label", "probabilities", 0.5, exclusive=False), {}),
    "logits": (interpolated, 4, 0, Head("multi-label", exclusive=False), {}),
    "ready-made masks": (hard, 1, 0.5, Head("multi-label", "ids", 0.5, exclusive=False), {}),
    "chosen": (sigmoid, 4, 0.5, Head("multi-label", exclusive=False), {"channels": [3, 1], "classes": ["d", "b"]}),
}


@pytest.mark.parametrize("name", OVERLAPPING)
def test_labels_that_may_overlap_are_cut_each_by_itself(tmp_path: Path, name: str) -> None:
    tail, stride, threshold, head, changes = OVERLAPPING[name]
    labels = changes.get("classes", list("abcde"))
    model = network(tail)
    notes: list[str] = []
    data = description(**{"classes": labels, "stride": stride, "head": "multi-label", **changes})
    bundle = import_onnx(saved(model, tmp_path), model_spec(data), tmp_path / "city", note=notes.append)
    assert bundle.spec == Bundle.open(tmp_path / "city").spec
    assert bundle.spec.classes == tuple(labels)
    assert bundle.spec.head == head
    assert any("its labels may overlap" in each for each in notes)
    segment = edgeseg.load(bundle)
    holding = []
    for frame in sample_frames(None):
        small = np.asarray(cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR_EXACT), np.uint8)
        scores = by_hand(model, frame, description()["input"])[0]
        by_users = scores[changes.get("channels", slice(None))] > threshold
        assert (segment(small) == by_users).mean() > 0.999
        holding.append(by_users.sum(axis=0))
    assert np.min(holding) == 0
    assert np.max(holding) > 1, "a test in which none overlaps sees nothing"


def softmax(s: str) -> Nodes:
    return [*resized(s), node("Softmax", "large", "out", axis=1)]


def softmax_then_resize(s: str) -> Nodes:
    return [node("Softmax", s, "p", axis=1), *resized("p"), node("Identity", "large", "out")]


@pytest.mark.parametrize(
    ("tail", "stride", "message"),
    [
        (softmax, 4, "ends in Softmax"),
        (softmax_then_resize, 1, "channels that sum up to 1"),
        (argmaxed, 4, "ends in ArgMax"),
    ],
)
def test_classes_that_exclude_one_another_are_no_labels(
    tmp_path: Path, tail: Callable[[str], Nodes], stride: int, message: str
) -> None:
    out = TensorProto.UINT8 if tail is argmaxed else TensorProto.FLOAT
    with pytest.raises(SpecError, match=f'{message}.*so a pixel has one of its classes; say "head": "classes"'):
        imported(network(tail, out=out), tmp_path, head="multi-label", stride=stride, classes=list("abcde"))


@pytest.mark.parametrize(
    ("tail", "stride", "said"),
    [(sigmoid, 4, True), (clipped, 1, True), (softmax, 4, False), (softmax_then_resize, 1, False)],
)
def test_probabilities_that_do_not_sum_up_are_asked_about(
    tmp_path: Path, tail: Callable[[str], Nodes], stride: int, said: bool
) -> None:
    for stated in ({}, {"head": "classes"}):
        notes: list[str] = []
        data = model_spec(description(stride=stride, **stated))
        import_onnx(saved(network(tail), tmp_path), data, tmp_path / "city", note=notes.append)
        assert any("do not sum up to 1" in each for each in notes) is (said and not stated)
