"""Steady masks: the average goes on within a scene, and begins anew with another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg.errors import FrameError
from edgeseg.serve.smoother import Smoother
from edgeseg.video.source import Frame

Array = NDArray[Any]

NETWORK = object()


def frame(gaps: int = 0, size: tuple[int, int] = (6, 8)) -> Frame:
    return Frame(0, np.zeros((*size, 3), np.uint8), 0.0, 0.0, 0.0, gaps=gaps)


def scene(classes: list[int], margin: float = 4.0) -> Array:
    """Logits (1, 3, 1, w) of these classes."""
    return np.float32(margin) * np.eye(3, dtype=np.float32)[classes].T[np.newaxis, :, np.newaxis]


@given(st.floats(0.01, 0.99), st.lists(st.lists(st.floats(-2, 2), min_size=4, max_size=4), min_size=1, max_size=8))
def test_each_frame_has_its_share(weight: float, noise: list[list[float]]) -> None:
    """Against the sum written out, in double; the class of most places stays, whatever the noise."""
    smoother = Smoother(weight)
    steps = [scene([0, 1, 2, 0], 8.0) + np.array(each, np.float32) for each in noise]
    shares = [weight ** (len(steps) - 1 - at) * (1 - weight if at else 1.0) for at in range(len(steps))]
    expected = sum(share * step.astype(float) for share, step in zip(shares, steps, strict=True))
    for step in steps:
        average = smoother(NETWORK, frame(), step)
    assert np.allclose(average, expected, atol=1e-5)


@pytest.mark.parametrize("other", [frame(gaps=1), frame(size=(12, 8))])
def test_it_begins_anew_after_a_gap_and_at_another_size(other: Frame) -> None:
    smoother, first, second = Smoother(0.9), scene([0, 0, 0, 0]), scene([0, 0, 0, 0], 1.0)
    smoother(NETWORK, frame(), first)
    assert np.array_equal(smoother(NETWORK, other, second), second)


def test_it_begins_anew_with_another_network() -> None:
    smoother, first, second = Smoother(0.9), scene([0, 0, 0, 0]), scene([0, 0, 0, 0], 1.0)
    smoother(NETWORK, frame(), first)
    assert np.array_equal(smoother(object(), frame(), second), second)


def test_it_begins_anew_at_a_cut() -> None:
    smoother, first = Smoother(0.9), scene([0, 0, 0, 0])
    smoother(NETWORK, frame(), first)
    half = scene([1, 1, 0, 0])
    assert not np.array_equal(smoother(NETWORK, frame(), half), half)  # half of the places may be a lorry
    most = scene([1, 1, 1, 0])
    assert np.array_equal(smoother(NETWORK, frame(), most), most)


def test_a_cut_of_one_channel_is_where_it_changes_sides() -> None:
    smoother, first = Smoother(0.5), np.full((1, 1, 1, 4), 2, np.float32)
    smoother(NETWORK, frame(), first)
    assert np.array_equal(smoother(NETWORK, frame(), -first), -first)
    assert (smoother(NETWORK, frame(), -3 * first) == -4).all()


def test_an_average_that_failed_is_not_gone_on_with() -> None:
    smoother, good = Smoother(0.5), scene([0, 1, 2, 0])
    smoother(NETWORK, frame(), good)
    with pytest.raises(FrameError, match="NaN or infinity"):
        smoother(NETWORK, frame(), np.where(good == 4, np.float32(np.inf), good).astype(np.float32))
    assert np.array_equal(smoother(NETWORK, frame(), 2 * good), 2 * good)


def test_its_input_stays_as_it_was() -> None:
    smoother, first, second = Smoother(0.5), scene([0, 1, 2, 0]), scene([0, 1, 2, 0], 2.0)
    before = first.copy()
    smoother(NETWORK, frame(), first)
    smoother(NETWORK, frame(), second)
    assert np.array_equal(first, before)
