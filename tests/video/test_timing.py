"""Percentiles of a histogram against those of the values themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.video.timing import Histogram, Statistics


@given(st.lists(st.floats(1e-6, 1e3), min_size=1), st.sampled_from([1, 50, 95, 99, 100]))
def test_percentiles_are_right_to_one_percent(seconds: list[float], percent: int) -> None:
    histogram = Histogram()
    for value in seconds:
        histogram.add(value)
    exact = float(np.percentile(seconds, percent, method="inverted_cdf"))
    assert histogram.percentile(percent) == pytest.approx(exact, rel=0.0101)


@given(st.lists(st.floats(0, 1e5), min_size=1))
def test_anything_is_counted(seconds: list[float]) -> None:
    histogram = Histogram()
    for value in seconds:
        histogram.add(value)
    summary = histogram.summary()
    assert summary["count"] == len(seconds)
    assert summary["max"] == 1e3 * max(seconds)
    assert summary["mean"] == pytest.approx(1e3 * sum(seconds) / len(seconds))
    assert 1e3 * min(seconds) <= summary["p50"] <= summary["p95"] <= summary["p99"] <= summary["max"]


def test_nothing_was_timed() -> None:
    assert Histogram().summary() == {"count": 0, "mean": 0, "p50": 0, "p95": 0, "p99": 0, "max": 0}


def test_statistics_of_three_frames() -> None:
    statistics = Statistics()
    assert statistics.fps == 0
    statistics.start(10.0)
    for number in range(3):
        statistics.add({"infer": 0.25, "capture": 0.5}, captured=10.0 + number, done=11.0 + number)
    assert statistics.frames == 3
    assert statistics.fps == pytest.approx(1.0)
    assert statistics.stages["infer"].total == pytest.approx(0.75)
    assert statistics.capture_to_mask.percentile(99) == pytest.approx(1.0)


@given(st.lists(st.floats(1e-6, 1e3)), st.lists(st.floats(0, 1e4)))
def test_cumulative_counts_are_right_to_one_percent(durations: list[float], bounds: list[float]) -> None:
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    for bound, count in zip(bounds, histogram.cumulative(bounds), strict=True):
        assert sum(each <= bound / 1.0101 for each in durations) <= count
        assert count <= sum(each <= bound * 1.0101 for each in durations)
    assert histogram.cumulative([float("inf")]) == [len(durations)]
