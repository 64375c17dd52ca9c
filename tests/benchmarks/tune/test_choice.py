"""Which trial is chosen, which is nearest, which are unbeaten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.bundle import Bundle
from edgeseg_bench.pareto import front
from edgeseg_bench.tune.choice import best, choose, nearest
from edgeseg_bench.tune.combinations import combinations
from edgeseg_bench.tune.search import Budget, Trial
from edgeseg_bench.windows import Window

points = st.dictionaries(
    st.text(min_size=1, max_size=3),
    st.tuples(st.sampled_from([1.0, 2.0, 3.0, 5.0, 8.0]), st.sampled_from([50.0, 60.0, 61.0, 70.0, 72.3])),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def combination(tiny: Bundle) -> Any:
    return combinations([str(tiny.folder)], engine_name="onnxruntime", sizes=None, threads=[1])[0][0]


def trial(combination: Any, p95: float, miou: float, dropped: str | None = None) -> Trial:
    return Trial(combination, Window((p95,) * 20, 1.0, 1.0), miou, 10, dropped, steady=True)


@given(points)
def test_the_front_is_what_nothing_beats(points: dict[str, tuple[float, float]]) -> None:
    def beaten(name: str) -> bool:
        x, y = points[name]
        return any(a <= x and b >= y and (a, b) != (x, y) for a, b in points.values())

    actual = front(points)
    assert set(actual) == {name for name in points if not beaten(name)}
    assert [points[name] for name in actual] == sorted(points[name] for name in actual)


@given(points)
def test_the_choice_keeps_the_budget_and_is_the_most_accurate(points: dict[str, tuple[float, float]]) -> None:
    trials = [trial(None, *point) for point in points.values()]
    chosen = choose(trials, Budget(3, 60))
    keep = [point for point in points.values() if point[0] <= 3 and point[1] >= 60]
    if chosen is None:
        assert keep == []
    else:
        assert chosen.point() == max(keep, key=lambda point: (point[1], -point[0]))


def test_of_equal_accuracy_the_fastest() -> None:
    fast, slow, worse = trial(None, 10, 73.74), trial(None, 19, 73.79), trial(None, 5, 73.5)
    assert choose([slow, worse, fast], Budget(20, 70)) is fast


def test_for_throughput_the_one_with_most_frames_a_second(combination: Any) -> None:
    """A call of four frames lasts longer, and all wait for it."""
    alone = Trial(combination, Window((10.0,) * 20, 0.2, 0.2), 73.7, 10)
    together = Trial(replace(combination, batch=4), Window((30.0,) * 20, 0.6, 0.6), 73.7, 10)
    assert alone.fps == pytest.approx(100)
    assert together.fps == pytest.approx(4 * 20 / 0.6)
    assert choose([together, alone], Budget(40, 70)) is alone
    assert choose([together, alone], Budget(40, 70), throughput=True) is together
    assert choose([together, alone], Budget(20, 70), throughput=True) is alone  # the budget holds all the same


def test_dropped_ones_are_neither_chosen_nor_nearest_nor_unbeaten(combination: Any) -> None:
    lost = trial(combination, 1, 99, dropped="too slow")
    assert choose([lost], Budget(20, 70)) is None
    assert nearest([lost], Budget(20, 70)) is None
    assert best([lost]) == []


def test_the_nearest_misses_least() -> None:
    slow, wrong, worst = trial(None, 22, 72), trial(None, 10, 35), trial(None, 90, 10)
    assert nearest([worst, wrong, slow], Budget(20, 70)) is slow
    assert nearest([worst, wrong], Budget(20, 70)) is wrong
    assert nearest([trial(None, 10, float("nan")), slow], Budget(20, 70)) is slow
