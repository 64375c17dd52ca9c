"""Histograms against the values themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg_export.precision.histogram import METHODS, Histogram, Method

values = st.lists(st.floats(-1e4, 1e4, width=32).filter(lambda x: x == 0 or abs(x) > 1e-5), min_size=1, max_size=40)


def of(*parts: list[float]) -> Histogram:
    histogram = Histogram()
    for part in parts:
        histogram.add(np.array(part, np.float32).reshape(1, 1, -1))
    return histogram


@given(values, values)
def test_order_and_growth_change_no_count(first: list[float], second: list[float]) -> None:
    one, other = of(first, second), of(second, first)
    assert one.counts.sum() == len(first) + len(second)
    assert one.limit == other.limit
    assert np.abs(np.cumsum(one.counts) - np.cumsum(other.counts)).max() <= len(first) + len(second)
    assert (one.low, one.high) == (min(first + second), max(first + second))


@given(values)
def test_minmax_holds_every_value_and_zero(given_values: list[float]) -> None:
    low, high = of(given_values).range("minmax", symmetric=False)
    assert low == min(0.0, *given_values)
    assert high == max(0.0, *given_values)
    low, high = of(given_values).range("minmax", symmetric=True)
    assert -low == high == max(abs(each) for each in given_values)


@given(values, st.sampled_from(METHODS), st.booleans())
def test_every_range_lies_within_minmax(given_values: list[float], method: Method, symmetric: bool) -> None:
    histogram = of(given_values)
    low, high = histogram.range(method, symmetric=symmetric)
    widest = histogram.range("minmax", symmetric=symmetric)
    assert widest[0] * 1.001 - 1e-6 <= low <= 0 <= high <= widest[1] * 1.001 + 1e-6


@pytest.mark.parametrize("method", ["percentile", "entropy", "mse"])
def test_one_outlier_among_many_values_is_cut_off(method: Method) -> None:
    normal = np.random.default_rng(0).normal(size=200_000).astype(np.float32)
    histogram = Histogram()
    histogram.add(np.append(normal, np.float32(100.0)).reshape(1, 1, -1))
    assert histogram.range("minmax", symmetric=False)[1] == 100
    assert 2 < histogram.range(method, symmetric=False)[1] < 90


def test_means_of_channels() -> None:
    frames = np.random.default_rng(1).normal(size=(5, 1, 3, 4, 6)).astype(np.float32)
    histogram = Histogram()
    for frame in frames:
        histogram.add(frame)
    assert np.allclose(histogram.means, frames.mean(axis=(0, 1, 3, 4)))
