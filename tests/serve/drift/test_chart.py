"""The statistic: against SciPy's distance, and on figures whose change is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg.serve.drift.chart import LEAST_SPREAD, Chart, jensen_shannon, mix_distance

MIXES = st.lists(st.integers(0, 100), min_size=4, max_size=4).filter(any)


def mix(numbers: list[int]) -> NDArray[np.float64]:
    return np.array(numbers) / sum(numbers)


@given(MIXES, MIXES, MIXES)
def test_the_distance_is_a_metric_from_0_to_1(one: list[int], two: list[int], three: list[int]) -> None:
    a, b, c = mix(one), mix(two), mix(three)
    assert jensen_shannon(a, a) == 0
    assert 0 <= jensen_shannon(a, b) <= 1
    assert jensen_shannon(a, b) == pytest.approx(jensen_shannon(b, a))
    assert jensen_shannon(a, c) <= jensen_shannon(a, b) + jensen_shannon(b, c) + 1e-7


@given(MIXES, MIXES)
def test_the_distance_is_scipys(one: list[int], two: list[int]) -> None:
    distance = pytest.importorskip("scipy.spatial.distance")
    assert jensen_shannon(mix(one), mix(two)) == pytest.approx(distance.jensenshannon(mix(one), mix(two), 2), abs=1e-6)


def test_mixes_without_a_class_in_common() -> None:
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1
    assert mix_distance(np.array([1.0, 0.3]), np.array([0.0, 0.3]), exclusive=False) == 1


def reference(seed: int, count: int = 300) -> NDArray[np.float64]:
    """Periods of three classes whose figures scatter a little."""
    random = np.random.default_rng(seed)
    shares = random.dirichlet([60, 30, 10], count)
    return np.column_stack([shares, random.normal(0.8, 0.01, count), random.normal(0.05, 0.005, count)])


@pytest.mark.parametrize("seed", range(5))
def test_more_of_the_same_is_no_drift(seed: int) -> None:
    chart, furthest = Chart(reference(seed), exclusive=True), 0.0
    for row in reference(seed + 100, 2000):
        chart.add(row)
        furthest = max(furthest, *chart.deviations().values())
    assert furthest < 5


@pytest.mark.parametrize(
    ("shift", "figure"),
    [
        ([0.2, -0.2, 0.0, 0.0, 0.0], "mix"),
        ([0.0, 0.0, 0.0, -0.1, 0.0], "confidence"),
        ([0.0, 0.0, 0.0, 0.0, 0.05], "churn"),
    ],
)
def test_a_shift_is_seen_in_its_figure_alone(shift: list[float], figure: str) -> None:
    chart = Chart(reference(1), exclusive=True)
    for row in reference(2, 60):
        chart.add(row + np.array(shift))
    beyond = {name for name, deviation in chart.deviations().items() if deviation > 5}
    assert beyond == {figure}
    for row in reference(3, 60):
        chart.add(row)
    assert max(chart.deviations().values()) < 5


def test_one_odd_period_is_no_drift() -> None:
    still = np.tile([0.6, 0.3, 0.1, 0.8, 0.05], (40, 1))
    chart = Chart(still, exclusive=True)
    assert chart.values() == pytest.approx({"mix": 0.0, "confidence": 0.8, "churn": 0.05}, abs=1e-6)
    chart.add(still[0] + np.array([0, 0, 0, 0.02, 0]))
    assert chart.deviations()["confidence"] == pytest.approx(0.1 * 0.02 / LEAST_SPREAD["confidence"])
