"""Which of the measured combinations to take."""

from __future__ import annotations

from collections.abc import Iterable

from edgeseg_bench.pareto import front
from edgeseg_bench.tune.search import Budget, Trial

TIE = 0.2
"""Percent of mIoU: less is no difference on the hundred images that people have to measure on."""


def choose(trials: Iterable[Trial], budget: Budget, *, throughput: bool = False) -> Trial | None:
    """Of those that keep the budget the fastest that is as accurate, but for TIE, as the most accurate of them.

    Args:
        trials: that were measured.
        budget: to keep.
        throughput: fast is what gives most frames a second, and not what has its masks soonest.
    """
    keep = [trial for trial in trials if not trial.dropped and budget.missed(*trial.point()) == 0]
    highest = max((trial.point()[1] for trial in keep), default=0.0)
    accurate = [trial for trial in keep if trial.point()[1] >= highest - TIE]
    return min(accurate, key=lambda each: -each.fps if throughput else each.p95, default=None)


def nearest(trials: Iterable[Trial], budget: Budget) -> Trial | None:
    """The one that misses the budget by least, both misses in shares of their limits added; None without any."""
    known = [trial for trial in trials if not trial.dropped]
    return min(known, key=lambda trial: budget.missed(*trial.point()), default=None)


def best(trials: Iterable[Trial]) -> list[str]:
    """Names of those that no other one beats in both latency and accuracy, the fastest first."""
    return front({trial.combination.name: trial.point() for trial in trials if not trial.dropped})
