"""Statistics of repeated measurements: windows of frames, repeated until they agree; nothing is trimmed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, TypeVar

PERCENTILES = (50, 90, 95, 99)
AGREEMENT = 0.10
"""Three windows in a row are steady if their figures lie within this share of the smallest."""

IN_A_ROW = 3
LEAST = 5
"""Windows that are measured even if the first three agree: intervals need a few to resample."""

_Measured = TypeVar("_Measured")


@dataclass(frozen=True)
class Window:
    """What was timed without a break.

    Attributes:
        ms: latency of each frame, in milliseconds.
        seconds: that the window took.
        core_seconds: processor time of the whole process in it, over all its threads.
        dropped: frames of a camera that a newer one replaced.
    """

    ms: tuple[float, ...]
    seconds: float
    core_seconds: float
    dropped: int = 0

    @property
    def fps(self) -> float:
        """Frames a second."""
        return len(self.ms) / self.seconds

    @property
    def p50(self) -> float:
        """Median latency, in milliseconds."""
        return percentile(self.ms, 50)

    def to_json(self) -> dict[str, Any]:
        """Every sample; milliseconds to the nearest microsecond."""
        return {
            "seconds": round(self.seconds, 6),
            "core_seconds": round(self.core_seconds, 6),
            "dropped": self.dropped,
            "ms": [round(value, 3) for value in self.ms],
        }


def percentile(values: Iterable[float], percent: float) -> float:
    """The value that `percent` of all values do not exceed (nearest rank), so one that was measured."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1]


def repeat(
    measure: Callable[[], _Measured],
    figure: Callable[[_Measured], float],
    *,
    most: int,
    least: int = LEAST,
) -> tuple[list[_Measured], bool]:
    """Measures until the last three figures agree within 10 %, or `most` times.

    Args:
        measure: one window.
        figure: what has to agree, above 0.
        most: the bound.
        least: windows to measure in any case; the bound goes first.

    Returns:
        All windows, the unsteady ones too, and whether the last three agree.
    """
    windows: list[_Measured] = []
    steady = False
    while len(windows) < most and not (steady and len(windows) >= least):
        windows.append(measure())
        steady = agree([figure(window) for window in windows])
    return windows, steady


def agree(figures: Sequence[float]) -> bool:
    """Whether the last three figures, all above 0, lie within 10 % of the smallest of them."""
    last = figures[-IN_A_ROW:]
    return len(last) == IN_A_ROW and max(last) <= (1 + AGREEMENT) * min(last)


def figures(windows: Sequence[Window]) -> dict[str, float]:
    """Latency in milliseconds and rate over all windows; `spread` is that of the windows' medians.

    Frames a second and core time are means over everything that was measured, percentiles are those of all samples.
    """
    samples = [value for window in windows for value in window.ms]
    medians = [window.p50 for window in windows]
    return {
        "frames": len(samples),
        "dropped": sum(window.dropped for window in windows),
        "mean_ms": sum(samples) / len(samples),
        **{f"p{percent}_ms": percentile(samples, percent) for percent in PERCENTILES},
        "max_ms": max(samples),
        "fps": len(samples) / sum(window.seconds for window in windows),
        "core_ms": 1e3 * sum(window.core_seconds for window in windows) / len(samples),
        "windows": len(windows),
        "spread": max(medians) / min(medians) - 1,
    }


def medians(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each field over rows that have the same fields."""
    return {name: median(row[name] for row in rows) for name in rows[0]}
