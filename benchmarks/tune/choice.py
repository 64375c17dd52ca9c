"""Which of the measured candidates to take."""

from __future__ import annotations

from collections.abc import Iterable

from edgeseg.benchmarks.pareto import front
from edgeseg.benchmarks.tune.search import Budget, Trial


def choose(trials: Iterable[Trial], budget: Budget) -> Trial | None:
    """The most accurate of those that keep the budget; of equal accuracy (to a tenth of a percent) the fastest."""
    keep = [trial for trial in trials if not trial.dropped and budget.missed(*trial.point()) == 0]
    return max(keep, key=lambda trial: (round(trial.point()[1], 1), -trial.p95), default=None)


def nearest(trials: Iterable[Trial], budget: Budget) -> Trial | None:
    """The one that misses the budget by least, both misses in shares of their limits added; None without any."""
    known = [trial for trial in trials if not trial.dropped]
    return min(known, key=lambda trial: budget.missed(*trial.point()), default=None)


def best(trials: Iterable[Trial]) -> list[str]:
    """Names of those that no other one beats in both latency and accuracy, the fastest first."""
    return front({trial.candidate.name: trial.point() for trial in trials if not trial.dropped})
