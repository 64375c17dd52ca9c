"""The average of logits over time, against NumPy, bit for bit, on every instruction set of this processor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg import _native, kernels
from edgeseg.errors import FrameError
from tests.test_kernels import logits

Array = NDArray[Any]


@pytest.fixture(scope="module", params=_native.instruction_sets(), autouse=True)
def _instruction_set(request: pytest.FixtureRequest) -> Iterator[None]:
    before = _native.instruction_set()
    _native.set_instruction_set(request.param)
    yield
    _native.set_instruction_set(before)


@given(logits(), st.floats(0, 1), st.integers(0, 2**32 - 1), st.booleans())
def test_it_is_numpys(values: Array, weight: float, seed: int, batch: bool) -> None:
    before = np.random.default_rng(seed).normal(size=values.shape).astype(np.float32)
    expected = before * np.float32(weight) + values * np.float32(1 - weight)
    if batch:
        values, before = values[np.newaxis], before[np.newaxis]
    average = before.copy()
    assert kernels.smooth(values, average, weight) is average
    assert np.array_equal(average.reshape(expected.shape), expected)


@given(logits(), st.floats(0.05, 0.95))
def test_what_stays_the_same_is_approached(values: Array, weight: float) -> None:
    """The distance shrinks by the weight each time, but for rounding."""
    average = np.zeros_like(values)
    for times in range(1, 6):
        kernels.smooth(values, average, weight)
        assert np.allclose(values - average, values * weight**times, rtol=1e-4, atol=1e-6 * np.abs(values).max())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 20, 40])
def test_nothing_is_written_of_what_is_not_finite(bad: float, place: int) -> None:
    values, average = np.zeros((1, 1, 41), np.float32), np.ones((1, 1, 41), np.float32)
    values[0, 0, place] = bad
    with pytest.raises(FrameError, match="NaN or infinity"):
        kernels.smooth(values, average, 0.5)
    assert (average == 1).all()


ONE = np.zeros((2, 3, 4), np.float32)


@pytest.mark.parametrize(
    ("values", "average", "weight", "message"),
    [
        (ONE, np.zeros((2, 3, 5), np.float32), 0.5, "got average of shape"),
        (ONE, np.zeros((2, 3, 4), np.float64), 0.5, "float64"),
        (ONE[np.newaxis], np.zeros((2, 3, 4), np.float32), 0.5, "got average of shape"),
        (ONE, np.zeros((2, 4, 4), np.float32)[:, :3], 0.5, "gaps"),
        (ONE, ONE, 0.5, "overlaps the logits"),
        (ONE, np.zeros((2, 3, 4), np.float32), 1.5, "got weight 1.5"),
        (ONE, np.zeros((2, 3, 4), np.float32), float("nan"), "got weight nan"),
        (ONE, np.zeros((2, 3, 4), np.float32), "0.5", "got weight 0.5"),
        (ONE, None, 0.5, "got average of type NoneType; begin with a copy of the first logits"),
        (np.zeros((2, 3, 4), np.uint8), np.zeros((2, 3, 4), np.float32), 0.5, "got logits of shape"),
    ],
)
def test_what_does_not_fit(values: Array, average: Array, weight: float, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        kernels.smooth(values, average, weight)
