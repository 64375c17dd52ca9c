"""What one camera's masks came to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.serve.figures import WINDOW, Figures, fractions
from edgeseg.video.model import Result

IMAGE = np.zeros((4, 6, 3), np.uint8)
MASK = np.zeros((4, 6), np.uint8)


def result(captured: float, done: float) -> Result:
    seconds = {"capture": 0.1, "prepare": 0.2, "infer": 0.3, "kernel": 0.4}
    return Result(0, IMAGE, MASK, None, 0.0, captured, done, seconds, None)


@given(st.lists(st.floats(0.01, 5.0), max_size=40), st.floats(0.0, 30.0))
def test_masks_a_second_over_the_last_ten(pauses: list[float], later: float) -> None:
    """Against the plain count of those that lie within."""
    figures, now, times = Figures(100.0), 100.0, []
    for pause in pauses:
        now += pause
        times.append(now)
        figures.add(result(now - 1, now))
    now += later
    within = sum(time >= now - WINDOW for time in times)
    elapsed = min(WINDOW, now - 100.0)
    assert figures.fps(now) == (within / elapsed if elapsed else 0.0)
    assert figures.masks == len(pauses)


def test_stages_are_copies() -> None:
    figures = Figures(0.0)
    figures.add(result(1.0, 3.0))
    stages = figures.stages()
    figures.add(result(1.0, 3.0))
    assert {name: (each.count, each.total) for name, each in stages.items()} == {
        "capture": (1, 0.1),
        "prepare": (1, 0.2),
        "infer": (1, 0.3),
        "kernel": (1, 0.4),
        "capture_to_mask": (1, 2.0),
    }
    assert stages["infer"].summary()["p50"] == pytest.approx(300, rel=0.01)


@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=9))
def test_fractions_are_those_of_a_plain_count(rows: list[list[int]]) -> None:
    mask = np.array(rows, np.uint8)
    found = fractions(mask, ("a", "b", "c"))
    flat = [each for row in rows for each in row]
    assert found == {name: pytest.approx(flat.count(at) / len(flat)) for at, name in enumerate("abc")}


def test_fractions_of_labels_that_overlap() -> None:
    masks = np.zeros((2, 4, 6), np.uint8)
    masks[0, :2], masks[1] = 1, 1
    assert fractions(masks, ("a", "b")) == {"a": 0.5, "b": 1.0}
