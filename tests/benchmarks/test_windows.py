"""Percentiles against NumPy's; windows until they agree."""

from __future__ import annotations

from itertools import chain
from itertools import repeat as forever

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg_bench.windows import IN_A_ROW, Window, agree, figures, medians, percentile, repeat

times = st.floats(1e-3, 1e5)


@given(st.lists(times, min_size=1), st.integers(0, 100))
def test_percentile_is_numpys_nearest_rank(values: list[float], percent: int) -> None:
    assert percentile(values, percent) == np.percentile(values, percent, method="inverted_cdf")


@given(st.lists(st.lists(times, min_size=1), min_size=1, max_size=5))
def test_figures_are_those_of_all_samples(samples: list[list[float]]) -> None:
    windows = [Window(tuple(ms), seconds=2.0, core_seconds=0.5, dropped=3) for ms in samples]
    together = np.concatenate(samples)
    result = figures(windows)
    assert result["mean_ms"] == pytest.approx(together.mean())
    assert result["max_ms"] == together.max()
    for percent in (50, 90, 95, 99):
        assert result[f"p{percent}_ms"] == np.percentile(together, percent, method="inverted_cdf")
    assert result["fps"] == pytest.approx(len(together) / (2.0 * len(windows)))
    assert result["core_ms"] == pytest.approx(500.0 * len(windows) / len(together))
    assert result["dropped"] == 3 * len(windows)
    assert result["spread"] >= 0


@given(st.lists(times, min_size=1, max_size=8))
def test_agreement_is_that_of_the_last_three(values: list[float]) -> None:
    last = np.array(values[-IN_A_ROW:])
    assert agree(values) == (len(last) == IN_A_ROW and bool(last.max() <= last.min() * 1.1))


@pytest.mark.parametrize(
    ("given_figures", "taken", "steady"),
    [
        ([1.0] * 9, 5, True),  # agrees at once, and still takes the least number
        ([9, 5, 3, 2, 1, 1.05, 1.09], 7, True),
        ([1, 2] * 9, 8, False),  # never agrees: the bound ends it
        ([1, 1, 1, 1, 2, 2, 2], 7, True),  # agreed too early, and not any more
    ],
)
def test_repeats_until_three_agree_or_the_bound(given_figures: list[float], taken: int, steady: bool) -> None:
    source = chain(given_figures, forever(0.0))
    windows, result = repeat(lambda: next(source), lambda figure: figure, most=8, least=5)
    assert windows == given_figures[:taken]
    assert result is steady


def test_the_bound_goes_before_the_least_number() -> None:
    windows, steady = repeat(lambda: 1.0, lambda figure: figure, most=3)
    assert (len(windows), steady) == (3, True)


def test_medians_field_by_field() -> None:
    assert medians([{"a": 1, "b": 9}, {"a": 5, "b": 8}, {"a": 3, "b": 7}]) == {"a": 3, "b": 8}
