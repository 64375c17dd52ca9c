from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from edgeseg.accuracy.boundary import boundary_f1
from edgeseg.errors import DataError

VOID = 9


def stripes(*columns: tuple[int, int], height: int = 60) -> NDArray[np.uint8]:
    """Upright stripes: (class, width) each."""
    row = np.concatenate([np.full(width, each, np.uint8) for each, width in columns])
    return np.tile(row, (height, 1))


def test_a_contour_within_the_tolerance_is_right() -> None:
    label = stripes((0, 40), (1, 40), height=60)  # diagonal 100 pixels: tolerance 0.75, so contours must coincide
    moved = stripes((0, 41), (1, 39), height=60)
    assert boundary_f1(label, label, 2, ignore=None).tolist() == [100, 100]
    assert boundary_f1(moved, label, 2, ignore=None).tolist() == [0, 0]
    assert boundary_f1(moved, label, 2, ignore=None, tolerance=0.0101).tolist() == [100, 100]
    assert boundary_f1(moved, label, 2, ignore=None, tolerance=0.01).tolist() == [0, 0]  # nearer than, not as near as


def test_precision_and_recall_counted_by_hand() -> None:
    label = stripes((0, 20), (1, 60))
    mask = stripes((0, 20), (1, 30), (0, 30))  # one contour right, one that is not there
    # class 0: 60 of 120 contour pixels are right, all 60 true ones are found; the same for class 1
    assert boundary_f1(mask, label, 2, ignore=None) == pytest.approx([200 * 0.5 / 1.5] * 2)


def test_a_class_that_is_missed_scores_zero_and_one_that_is_not_there_nothing() -> None:
    label, mask = stripes((0, 40), (1, 40)), stripes((0, 40), (2, 40))
    scores = boundary_f1(mask, label, 3, ignore=None)
    assert scores[:2].tolist() == [100, 0]
    assert math.isnan(scores[2])


def test_a_class_without_any_contour_has_no_figure() -> None:
    whole = stripes((0, 80))
    assert np.isnan(boundary_f1(whole, whole, 1, ignore=None)).all()


def test_void_is_neither_contour_nor_judged() -> None:
    label = stripes((0, 30), (VOID, 20), (1, 30))
    mask = stripes((0, 35), (2, 5), (1, 40))  # all that differs lies where the labels say nothing
    assert np.isnan(boundary_f1(mask, label, 3, ignore=VOID)).all()


def test_other_sizes_are_refused() -> None:
    with pytest.raises(DataError, match="compare them at the label's size"):
        boundary_f1(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 2, ignore=None)


def by_brute_force(
    mask: list[list[int]], label: list[list[int]], each: int, reach: float
) -> tuple[float, list[float]]:
    """F1 of a class (0 to 1) from every pair of contour pixels, and all distances that occur."""
    places = list(itertools.product(range(len(label)), range(len(label[0]))))

    def contour(ids: list[list[int]]) -> list[tuple[int, int]]:
        def at(y: int, x: int) -> int:
            inside = 0 <= y < len(ids) and 0 <= x < len(ids[0])
            return ids[y][x] if inside and label[y][x] != VOID else VOID

        around = ((0, 1), (0, -1), (1, 0), (-1, 0))
        return [
            (y, x)
            for y, x in places
            if at(y, x) == each and any(at(y + dy, x + dx) not in (each, VOID) for dy, dx in around)
        ]

    predicted, true = contour(mask), contour(label)
    distances = [math.dist(one, other) for one in predicted for other in true]
    if not any(label[y][x] == each for y, x in places) or not (predicted or true):
        return math.nan, distances
    if not (predicted and true):
        return 0.0, distances
    precision = sum(any(math.dist(one, other) < reach for other in true) for one in predicted) / len(predicted)
    recall = sum(any(math.dist(one, other) < reach for other in predicted) for one in true) / len(true)
    return (2 * precision * recall / (precision + recall) if precision + recall else 0.0), distances


@given(data=st.data(), height=st.integers(1, 9), width=st.integers(1, 9), tolerance=st.floats(0.01, 0.6))
def test_equal_to_brute_force(data: st.DataObject, height: int, width: int, tolerance: float) -> None:
    mask = data.draw(npst.arrays(np.uint8, (height, width), elements=st.integers(0, 2)))
    label = data.draw(npst.arrays(np.uint8, (height, width), elements=st.sampled_from([0, 1, 2, VOID])))
    scores = boundary_f1(mask, label, 3, ignore=VOID, tolerance=tolerance)
    reach = tolerance * math.hypot(height, width)
    for each in range(3):
        expected, distances = by_brute_force(mask.tolist(), label.tolist(), each, reach)
        assume(all(abs(distance - reach) > 1e-4 for distance in distances))  # no verdict hangs on rounding
        assert scores[each] == pytest.approx(100 * expected, nan_ok=True)
