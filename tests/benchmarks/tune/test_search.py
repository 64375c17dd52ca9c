"""What is measured of a combination, and when it is dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate
from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError, FrameError, UsageError
from edgeseg.segmenter import load
from edgeseg.spec import Spec
from edgeseg_bench import engine
from edgeseg_bench.tune import search
from edgeseg_bench.tune.combinations import Combination, combinations
from edgeseg_bench.tune.search import LONG, SUBSET, Budget, Trial, frames_of
from edgeseg_bench.windows import Window

LONG_ENOUGH = 1e6


@pytest.fixture
def choices(tiny: Bundle, sized: Bundle) -> list[Combination]:
    folders = [str(tiny.folder), str(sized.folder)]
    return combinations(folders, engine_name="onnxruntime", sizes=None, threads=[1])[0]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call of `evaluate` was given."""
    calls: list[int] = []

    def counted(model: Any, dataset: Dataset) -> Any:
        calls.append(len(dataset))
        return evaluate(model, dataset)

    monkeypatch.setattr(search, "evaluate", counted)
    return calls


def tune(choices: list[Combination], dataset: Dataset, latency: float, miou: float) -> list[Trial]:
    return search.tune(choices, dataset, frames_of(dataset, None), Budget(latency, miou), say=lambda _: None)


def test_a_batch_is_timed_by_the_call(
    make_bundle: Callable[..., Bundle], spec: Spec, dataset: Dataset, tmp_path: Path
) -> None:
    folder = str(make_bundle(tmp_path / "several", replace(spec, batch=4)).folder)
    choices = combinations([folder], engine_name="onnxruntime", sizes=None, threads=[1], batches=True)[0]
    for trial in tune(choices, dataset, LONG_ENOUGH, 0):
        batch = trial.combination.batch
        assert trial.window is not None
        assert len(trial.window.ms) % max(-(-LONG // batch), 2 * trial.combination.workers) == 0
        assert trial.fps == trial.window.fps * batch
    (lone,) = tune([replace(choices[0], batch=5)], dataset, LONG_ENOUGH, 0)
    assert lone.dropped == "onnxruntime takes 4 frames at a time"
    assert lone.fps == 0


def test_what_keeps_the_budget_is_measured_to_the_end(
    choices: list[Combination], dataset: Dataset, tiny: Bundle
) -> None:
    trials = tune(choices, dataset, LONG_ENOUGH, 0)
    assert [trial.combination for trial in trials] == choices
    for trial in trials:
        assert trial.dropped is None
        assert trial.window is not None
        assert len(trial.window.ms) % LONG == 0
        assert trial.window.p50 <= trial.p95
        assert trial.images == len(dataset)
    assert trials[0].miou == pytest.approx(evaluate(load(tiny, threads=1), dataset).miou)


def test_a_size_is_the_networks(choices: list[Combination], dataset: Dataset, sized: Bundle) -> None:
    trials = {trial.combination.size: trial.miou for trial in tune(choices, dataset, LONG_ENOUGH, 0)}
    model = load(sized, size=(16, 8), threads=1)
    assert trials[16, 8] == pytest.approx(evaluate(model, dataset).miou)


def test_what_is_far_too_slow_is_dropped_before_its_accuracy_is_looked_at(
    choices: list[Combination], dataset: Dataset, judged: list[int]
) -> None:
    trials = tune(choices, dataset, 1e-6, 0)
    measured = [trial for trial in trials if not trial.dropped]
    assert len(measured) == 1  # the nearest, to have figures of one
    assert judged == [len(dataset)]
    for trial in trials:
        if trial.dropped:
            assert trial.dropped.startswith("too slow: median")
            assert trial.miou is None
            assert trial.p95 >= 0


def test_what_is_far_too_wrong_is_dropped_after_a_few_images(
    choices: list[Combination], dataset: Dataset, judged: list[int]
) -> None:
    trials = tune(choices, dataset, LONG_ENOUGH, 100)
    assert [trial.images for trial in trials if trial.dropped] == [SUBSET] * (len(choices) - 1)
    assert judged == [SUBSET] * len(choices) + [len(dataset)]


def test_threads_share_their_accuracy(
    tiny: Bundle, dataset: Dataset, judged: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg_bench.tune.combinations.available_cores", lambda: 2)
    both = combinations([str(tiny.folder)], engine_name="onnxruntime", sizes=None, threads=[1, 2])[0]
    trials = tune(both, dataset, LONG_ENOUGH, 0)
    assert trials[0].miou == trials[1].miou
    assert judged == [SUBSET, len(dataset)]


@pytest.mark.parametrize("kind", [EngineError, FrameError])  # the second of logits that are NaN
def test_an_engine_that_refuses_is_a_dropped_candidate(
    choices: list[Combination], dataset: Dataset, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise kind("this size is not for me")

    first = choices[0]
    opened: Callable[..., Any] = Combination.open
    monkeypatch.setattr(
        Combination, "open", lambda self, threads: refuse() if self is first else opened(self, threads=threads)
    )
    trials = tune(choices, dataset, LONG_ENOUGH, 0)
    assert trials[0] == Trial(first, dropped="this size is not for me")
    assert trials[1].dropped is None
    assert tune(choices[:1], dataset, LONG_ENOUGH, 0)[0].dropped == "this size is not for me"


def test_windows_that_do_not_agree_are_called_so(
    choices: list[Combination], dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = iter(range(1, 100))
    monkeypatch.setattr(engine, "measure", lambda *_, **__: Window((10.0 * next(taken),) * 20, 1.0, 1.0))
    (trial,) = tune(choices[:1], dataset, LONG_ENOUGH, 0)
    assert not trial.steady
    assert trial.window is not None
    assert len(trial.window.ms) == 20 * search.MOST


@pytest.mark.parametrize("latency", [0, -1, float("nan")])
def test_impossible_budgets_are_refused(latency: float) -> None:
    with pytest.raises(UsageError, match="expected"):
        Budget(latency, 50)


@pytest.mark.parametrize(
    ("p95", "miou", "missed"),
    [
        (20, 70, 0),
        (30, 70, 0.5),
        (20, 35, 0.5),
        (30, 35, 1),
        (30, None, 0.5),
        (10, float("nan"), 1),
        (float("inf"), 99, float("inf")),
    ],
)
def test_misses_are_shares_of_the_limits(p95: float, miou: float | None, missed: float) -> None:
    assert Budget(20, 70).missed(p95, miou) == pytest.approx(missed)
