"""Histograms against the values themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg_export.precision.histogram import FACTORS, HALF, LEVELS, METHODS, PERCENTILE, Histogram, Method

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


@given(values)
def test_the_limit_is_the_next_power_of_two(given_values: list[float]) -> None:
    limit, largest = of(given_values).limit, max(map(abs, given_values))
    assert np.log2(limit) == int(np.log2(limit))
    assert largest <= limit
    assert limit / 2 < largest or limit == 2.0**-19  # of values that are all 0


def spread(number: int, seed: int = 0) -> NDArray[np.float32]:
    """Values of many magnitudes and of both signs, none of which is a bin's edge."""
    random = np.random.default_rng(seed)
    drawn = random.normal(size=number) * 10.0 ** random.uniform(-2, 2, number)
    return (np.floor(drawn * 1e4) / 1e4 + 3e-5).astype(np.float32)


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_counts_are_numpys_own(parts: int) -> None:
    drawn = np.sort(np.abs(spread(10_000))) * np.where(np.arange(10_000) % 3, 1, -1).astype(np.float32)
    histogram = Histogram()
    for part in np.array_split(drawn, parts):  # the later ones are larger: the limit doubles
        histogram.add(part.reshape(1, 1, -1))
    expected, _ = np.histogram(drawn.astype(np.float64), 2 * HALF, (-histogram.limit, histogram.limit))
    assert (histogram.counts == expected).all()
    assert histogram.counts.dtype == np.int64
    assert histogram.frames == parts


def test_the_limit_itself_is_in_the_last_bin() -> None:
    histogram = of([-2.0, 2.0])
    assert histogram.counts.nonzero()[0].tolist() == [0, 2 * HALF - 1]
    assert histogram.counts.sum() == 2


SIGNS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "both": lambda drawn: drawn,
    "positive": lambda drawn: np.abs(drawn),
    "negative": lambda drawn: -np.abs(drawn),
}


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("number", [5_000, 100_000, 400_000])
def test_a_percentile_leaves_out_no_more_than_its_share(sign: str, number: int) -> None:
    """On each side that has values, and one bin further it would be more."""
    drawn = SIGNS[sign](spread(number, seed=1))
    histogram = Histogram()
    histogram.add(drawn.reshape(1, 1, -1))
    low, high = histogram.range("percentile", symmetric=False)
    width = 2 * histogram.limit / (2 * HALF)
    share = number * (100 - PERCENTILE) / 100 / (2 if sign == "both" else 1)
    if sign == "positive":
        assert low == 0
    else:
        assert (drawn < low).sum() <= share < (drawn < low + width).sum()
    if sign == "negative":
        assert high == 0
    else:
        assert (drawn >= high).sum() <= max(share, 1) <= share + 1
        assert share < (drawn >= high - width).sum()


def test_a_percentile_may_leave_a_whole_side_out() -> None:
    """One value of the other sign among many: the range ends at 0."""
    drawn = np.abs(spread(100_000, seed=2)) + 1
    for sign in (1, -1):
        histogram = Histogram()
        histogram.add(np.append(sign * drawn, np.float32(-sign * 0.75)).reshape(1, 1, -1))
        low, high = histogram.range("percentile", symmetric=False)
        assert (low == 0 < 1 < high) if sign == 1 else (low < -1 < 0 == high)


def test_a_percentile_goes_no_further_than_the_values() -> None:
    assert of([-1.25, 0.0, 2.75]).range("percentile", symmetric=False) == (-1.25, 2.75)
    assert of([1.25, 2.75]).range("percentile", symmetric=False) == (0, 2.75)
    assert of([-2.75, -1.25]).range("percentile", symmetric=False) == (-2.75, 0)
    assert of([0.0, 0.0]).range("percentile", symmetric=False) == (0, 0)


def centres(histogram: Histogram) -> NDArray[np.float64]:
    """The middle of each bin."""
    edges = np.linspace(-histogram.limit, histogram.limit, 2 * HALF + 1)
    return (edges[:-1] + edges[1:]) / 2


def error_by_levels(values: NDArray[np.float64], low: float, high: float, count: int) -> float:
    """Squared error of values that each become the nearest of `count` levels, 0 among them, from low to high."""
    step = (high - low) / (count - 1)
    levels = step * (np.round(low / step) + np.arange(count))
    right = np.clip(np.searchsorted(levels, values), 1, count - 1)
    nearest = np.minimum(np.abs(values - levels[right]), np.abs(values - levels[right - 1]))
    return float((nearest**2).sum())


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("tail", [3, 5, 30])
def test_mse_takes_the_fraction_of_least_error(sign: str, symmetric: bool, tail: int) -> None:
    """By levels that are written down, and for values that lie in the middle of their bins: nothing is approximate."""
    drawn = SIGNS[sign](np.random.default_rng(tail).standard_t(tail, 3000).astype(np.float32))
    histogram = Histogram()
    histogram.add(drawn.reshape(1, 1, -1))
    middles = np.repeat(centres(histogram), histogram.counts)
    low, high = histogram.range("minmax", symmetric=symmetric)
    count = 255 if symmetric else 256
    errors = [error_by_levels(middles, factor * low, factor * high, count) for factor in FACTORS]
    best = FACTORS[int(np.argmin(errors))]
    assert FACTORS[0] < best < 1 or tail == 30
    assert np.allclose(histogram.range("mse", symmetric=symmetric), (best * low, best * high), rtol=1e-9)


def test_fractions_go_from_three_tenths_to_all_in_hundredths() -> None:
    assert np.allclose(FACTORS, [each / 100 for each in range(30, 101)])


def divergence_by_lists(magnitudes: list[int], end: int) -> float:
    """Kullback-Leibler divergence of LEVELS levels below bin `end`, as Migacz' slides 27 to 33 write it, bin by bin."""
    end = min(end, len(magnitudes))
    truth = [float(each) for each in magnitudes[:end]]
    groups = [place * LEVELS // end for place in range(end)]
    model = [0.0] * end
    for level in range(LEVELS):
        filled = [place for place in range(end) if groups[place] == level and truth[place]]
        for place in filled:
            model[place] = sum(truth[each] for each in filled) / len(filled)
    truth[-1] += sum(magnitudes[end:])
    if not sum(truth) or not sum(model):
        return float("inf")
    divergence = 0.0
    for wanted, got in zip(truth, model, strict=True):
        if wanted:
            share = wanted / sum(truth)
            divergence += share * np.log(share / max(got / sum(model), 1e-12))
    return divergence


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(("tail", "scale"), [(2, 1.0), (4, 0.1), (30, 3.0)])
def test_entropy_takes_the_threshold_of_least_divergence(sign: str, tail: int, scale: float) -> None:
    drawn = SIGNS[sign]((np.random.default_rng(tail).standard_t(tail, 4000) * scale).astype(np.float32))
    drawn[:500] = 0  # as a ReLU leaves them; they are to count nowhere
    histogram = Histogram()
    histogram.add(drawn.reshape(1, 1, -1))
    bins = np.minimum(np.floor(np.abs(centres(histogram)) / histogram.limit * HALF), HALF - 1).astype(int)
    magnitudes = np.bincount(bins, histogram.counts, HALF).astype(int).tolist()
    magnitudes[0] = 0
    last = max(place for place, count in enumerate(magnitudes) if count) + 1
    ends = range(LEVELS, last + LEVELS, LEVELS // 2)
    best = min(ends, key=lambda end: divergence_by_lists(magnitudes, end))
    threshold = best * histogram.limit / HALF
    low, high = histogram.range("entropy", symmetric=False)
    assert low == max(min(histogram.low, 0.0), -threshold)
    assert high == min(max(histogram.high, 0.0), threshold)
    assert best < last or tail == 30


def test_zeros_have_a_range_of_nothing() -> None:
    for method in METHODS:
        for symmetric in (False, True):
            assert of([0.0, 0.0, 0.0]).range(method, symmetric=symmetric) == (0, 0)


def test_few_values_lose_nothing_by_entropy() -> None:
    """As many levels as bins: the threshold is the end of what was seen."""
    assert of([0.5, 0.5, 1.0]).range("entropy", symmetric=False)[1] == 1
    for largest in (each / 256 for each in range(133, 256)):
        assert of([0.5, 0.5, largest]).range("entropy", symmetric=False)[1] == largest


def test_a_statistic_counts_as_one_channel() -> None:
    histogram = Histogram()
    histogram.add(np.array([1.0, 3.0], np.float32))
    histogram.add(np.array(5.0, np.float32))
    assert histogram.means.tolist() == [3.5]
    assert histogram.counts.sum() == 3
    two = Histogram()
    two.add(np.array([[1.0, 3.0]], np.float32))
    assert two.means.tolist() == [1.0, 3.0]


def test_means_of_channels() -> None:
    frames = np.random.default_rng(1).normal(size=(5, 1, 3, 4, 6)).astype(np.float32)
    histogram = Histogram()
    for frame in frames:
        histogram.add(frame)
    assert np.allclose(histogram.means, frames.mean(axis=(0, 1, 3, 4)))


def test_a_frame_may_give_fewer_rows_than_another() -> None:
    histogram = Histogram()
    for rows in (3, 2):
        histogram.add(np.full((1, rows, 4), rows, np.float32))
    assert histogram.counts.sum() == 20
    assert (histogram.low, histogram.high) == (2, 3)
