"""What counts as the same scores: rounding, and nothing that a channel without meaning hides."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg_export.closeness import Closeness

SCORES: NDArray[np.float32] = np.random.default_rng(0).normal(size=(1, 4, 40, 50)).astype(np.float32)
MASKED = np.concatenate([SCORES, np.full_like(SCORES[:, :1], -1e4)], axis=1)
PARTLY = MASKED.copy()
PARTLY[0, 4, :20] = 0
LEVELS = np.round(40 * SCORES) - np.float32(0.5)


def is_close(
    actual: NDArray[np.float32], expected: NDArray[np.float32], *, half: bool = False, whole: bool = False
) -> bool:
    found = Closeness(half=half, whole=whole)
    found.add(actual, expected)
    return found.close


@pytest.mark.parametrize(
    "expected",
    [SCORES, MASKED, PARTLY, SCORES + 100, SCORES - 1e4],
    ids=["", "masked", "masked in a part", "far", "farther"],
)
def test_rounding_is_close_and_an_error_is_not(expected: NDArray[np.float32]) -> None:
    rounded = ((expected * np.float32(0.3)) / np.float32(0.3)).astype(np.float32)
    assert is_close(rounded, expected)
    assert is_close(expected.astype(np.float16).astype(np.float32), expected, half=True)
    flat = expected * np.array([1, 1, 1, 1e-6, 1], np.float32)[: expected.shape[1], None, None]
    assert is_close(flat + 1e-6, flat)  # what is left of a sum
    wrong = expected.copy()
    wrong[0, 1, 7, 7] += 0.5
    assert not is_close(wrong, expected)
    wrong[0, 1, 7, 7] = np.nan
    assert not is_close(wrong, expected)


@pytest.mark.parametrize("far", [np.inf, -np.inf])
def test_infinity_excuses_nothing(far: float) -> None:
    infinite = SCORES.copy()
    infinite[0, 1, 7, 7] = far
    for actual, expected in ((SCORES, infinite), (infinite, SCORES), (infinite, infinite)):
        assert not is_close(actual, expected)


def test_every_frame_counts() -> None:
    found = Closeness()
    for error in (0, 0.5, 0):
        found.add(SCORES + np.float32(error), SCORES)
    assert not found.close
    assert found.difference == pytest.approx(0.5, rel=1e-5)


def test_the_same_everywhere_is_close_to_itself() -> None:
    still = np.full((1, 3, 8, 8), 7, np.float32)
    assert is_close(still, still)
    assert not is_close(still + 1, still)


def test_rounding_turns_few_whole_numbers_and_by_one() -> None:
    turned = LEVELS.copy()
    turned[0, 0, 0, :8] += 1  # of 8000
    assert is_close(turned, LEVELS, whole=True)
    assert not is_close(turned, LEVELS)
    turned[0, 0, 0, :9] += 1
    assert not is_close(turned, LEVELS, whole=True)  # by two
    turned = LEVELS.copy()
    turned[0, 0, 0, :9] += 1
    assert not is_close(turned, LEVELS, whole=True)  # too many
