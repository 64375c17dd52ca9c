"""Timings of a stream in bounded memory: one histogram a stage, however long the stream runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import TypedDict

SHORTEST = 1e-6
LONGEST = 1e3
RATIO = 1.02
_LOG_RATIO = math.log(RATIO)
_BINS = math.ceil(math.log(LONGEST / SHORTEST) / _LOG_RATIO) + 1


class Summary(TypedDict):
    """Milliseconds; the percentiles are right to 1 %, mean and max are exact."""

    count: int
    mean: float
    p50: float
    p95: float
    p99: float
    max: float


class Histogram:
    """Durations counted in bins that grow by 2 % each, from a microsecond to a thousand seconds.

    One thread may add while others read.
    """

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.longest = 0.0
        self._shortest = math.inf
        self._bins = [0] * _BINS

    def add(self, seconds: float) -> None:
        """Counts one duration; what lies outside the range goes into the outermost bin."""
        self.count += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)
        self._shortest = min(self._shortest, seconds)
        place = int(math.log(seconds / SHORTEST) / _LOG_RATIO) if seconds > SHORTEST else 0
        self._bins[min(place, _BINS - 1)] += 1

    def percentile(self, percent: float) -> float:
        """The duration, in seconds, that `percent` of all durations do not exceed (nearest rank); 0 when empty."""
        rank = max(1, math.ceil(self.count * percent / 100))
        total = 0
        for place, number in enumerate(self._bins):
            total += number
            if total >= rank:
                middle = SHORTEST * math.exp((place + 0.5) * _LOG_RATIO)
                return min(max(middle, self._shortest), self.longest)
        return self.longest

    def copy(self) -> Histogram:
        """One of its own with the same counts."""
        copy = Histogram()
        copy.count, copy.total, copy.longest, copy._shortest = self.count, self.total, self.longest, self._shortest
        copy._bins = list(self._bins)
        return copy

    def cumulative(self, bounds: Sequence[float]) -> list[int]:
        """How many durations do not exceed each of these seconds; what lies within 1 % of one may count either way."""
        totals = [0, *accumulate(self._bins)]
        return [totals[_bins_below(bound) if bound < self.longest else -1] for bound in bounds]

    def summary(self) -> Summary:
        """Count, mean, percentiles and maximum."""
        return {
            "count": self.count,
            "mean": 1e3 * self.total / max(1, self.count),
            "p50": 1e3 * self.percentile(50),
            "p95": 1e3 * self.percentile(95),
            "p99": 1e3 * self.percentile(99),
            "max": 1e3 * self.longest,
        }


def _bins_below(seconds: float) -> int:
    """How many bins have their middle at most there."""
    return min(_BINS, math.floor(math.log(seconds / SHORTEST) / _LOG_RATIO + 0.5)) if seconds > SHORTEST else 0


class Statistics:
    """What a stream has done so far.

    Attributes:
        frames: handed over with their result.
        dropped: frames of a live source that a newer one replaced before a worker was free.
        discarded: frames that were read and not handed over, as the stream was stopped or left before.
        stages: a histogram for each stage: capture, prepare, infer, kernel; sinks add their own.
        capture_to_mask: from a frame's capture to its finished mask, waiting included.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.dropped = 0
        self.discarded = 0
        self.stages = {name: Histogram() for name in ("capture", "prepare", "infer", "kernel")}
        self.capture_to_mask = Histogram()
        self._started = 0.0
        self._last = 0.0

    def start(self, now: float) -> None:
        """Starts the clock of `fps` at `now`, a time.perf_counter() reading."""
        self._started = self._last = now

    def add(self, seconds: dict[str, float], captured: float, done: float) -> None:
        """Counts one finished frame: seconds for each stage, and perf_counter readings of its two ends."""
        self.frames += 1
        for name, duration in seconds.items():
            self.stages[name].add(duration)
        self.capture_to_mask.add(done - captured)
        self._last = max(self._last, done)

    @property
    def fps(self) -> float:
        """Frames a second, from the start of the stream to the last finished mask."""
        elapsed = self._last - self._started
        return self.frames / elapsed if elapsed > 0 else 0.0
