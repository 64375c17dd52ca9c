"""Is the new one slower? Two results of one machine, figure by figure, with the noise of each.

A figure is measured in windows, and windows differ: how much, tells how far a ratio can be trusted. Windows are
resampled with replacement, and within each of them its frames (a bootstrap on two levels, because frames of one window
share what the machine did then); the 2.5th and 97.5th percentile of the ratios are the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.errors import DataError, UsageError
from edgeseg.json_fields import list_of, required

if TYPE_CHECKING:
    from rich.table import Table

Samples = NDArray[np.float64]

RESAMPLES = 1000
SEED = 0
CONFIDENCE = (2.5, 97.5)

SAME_MACHINE = ("processor", "architecture", "cores", "board", "gpus")
SAME_VIDEO = ("sha256", "width", "height")

COMPARED: tuple[tuple[str, str, Callable[[Samples], float]], ...] = (
    ("engine", "engine alone, p50", lambda ms: float(np.median(ms))),
    ("pipeline", "pipeline, time a frame", lambda ms: float(np.mean(ms))),
    ("capture_to_mask", "camera to mask, p50", lambda ms: float(np.median(ms))),
    ("capture_to_mask", "camera to mask, p99", lambda ms: float(np.percentile(ms, 99, method="inverted_cdf"))),
    ("stream_to_mask", "stream to mask, p50", lambda ms: float(np.median(ms))),
)
"""Measurement, name, and what it says of samples: all are times, so a ratio above 1 is slower."""


@dataclass(frozen=True)
class Change:
    """One figure, new against old.

    Attributes:
        run: engine and precision.
        name: of the figure.
        old: in milliseconds.
        new: in milliseconds.
        ratio: new / old.
        low: lower end of the ratio's 95 % interval.
        high: its upper end.
    """

    run: str
    name: str
    old: float
    new: float
    ratio: float
    low: float
    high: float

    def verdict(self, limit: float) -> str:
        """ "slower" if the whole interval lies above `limit`, "unclear" if a part of it does, else "ok"."""
        return "slower" if self.low > limit else "unclear" if self.high > limit else "ok"


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Every figure that both results have, for each engine and precision.

    Raises:
        DataError: another machine, another video, another mode or camera, or nothing in common.
    """
    _same(old, new, "machine", SAME_MACHINE, "measure both on one machine")
    _same(old, new, "source", SAME_VIDEO, "measure both on one video")
    _same(old, new, "settings", ("mode", "camera_fps"), "measure both the same way")
    before, after = _runs(old), _runs(new)
    common = [name for name in before if name in after]
    if not common:
        raise DataError(
            f"the results have no engine in common: the old one has {', '.join(before)}, "
            f"the new one {', '.join(after)}; measure the same engine and precision"
        )
    return [
        change(name, label, _samples(before[name], key), _samples(after[name], key), figure)
        for name in common
        for key, label, figure in COMPARED
    ]


def change(run: str, name: str, old: list[Samples], new: list[Samples], figure: Callable[[Samples], float]) -> Change:
    """One figure of two series of windows, with the bootstrap interval of its ratio."""
    random = np.random.default_rng(SEED)
    ratios = [
        _figure(_resampled(new, random), figure) / _figure(_resampled(old, random), figure) for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(ratios, CONFIDENCE)
    before, after = _figure(old, figure), _figure(new, figure)
    return Change(run, name, before, after, after / before, float(low), float(high))


def limit_of(max_slowdown: float) -> float:
    """The ratio that a slowdown in percent means.

    Raises:
        UsageError: it is negative.
    """
    if not max_slowdown >= 0:
        raise UsageError(f"max-slowdown is {max_slowdown:g}, expected a percentage of 0 or more")
    return 1 + max_slowdown / 100


def table(changes: list[Change], limit: float) -> Table:
    """The comparison for a terminal."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"new / old; slower: the whole 95 % interval lies above {limit:.2f}")
    for column in ("", "figure", "old ms", "new ms", "ratio", "95 % interval", "verdict"):
        table.add_column(column)
    styles = {"slower": "bold red", "unclear": "yellow", "ok": "green"}
    for each in changes:
        verdict = each.verdict(limit)
        table.add_row(
            each.run,
            each.name,
            f"{each.old:.2f}",
            f"{each.new:.2f}",
            f"{each.ratio:.3f}",
            f"{each.low:.3f} to {each.high:.3f}",
            Text(verdict, style=styles[verdict]),
        )
    return table


def _figure(windows: list[Samples], figure: Callable[[Samples], float]) -> float:
    return figure(np.concatenate(windows))


def _resampled(windows: list[Samples], random: np.random.Generator) -> list[Samples]:
    sample = [windows[place] for place in random.integers(len(windows), size=len(windows))]
    return [window[random.integers(len(window), size=len(window))] for window in sample]


def _runs(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The runs by engine and precision."""
    runs = {}
    for run in list_of(result, "runs", dict, where="result", error=DataError):
        artifact = required(run, "artifact", dict, where="run", error=DataError)
        engine = required(run, "engine", str, where="run", error=DataError)
        runs[f"{engine} {required(artifact, 'precision', str, where='artifact', error=DataError)}"] = run
    return runs


def _samples(run: dict[str, Any], key: str) -> list[Samples]:
    """Milliseconds of each window; of the pipeline, where frames overlap, the mean time from one mask to the next."""
    measured = required(run, "measured", dict, where="run", error=DataError)
    part = required(measured, key, dict, where="measured", error=DataError)
    windows = list_of(part, "windows", dict, where=key, error=DataError)
    if not windows:
        raise DataError(f"{key} has no windows, expected some; measure again with edgeseg bench --json")
    samples = [_times(window.get("ms"), key) for window in windows]
    if key != "pipeline":
        return samples
    return [1e3 * _times([window.get("seconds")], key) / len(ms) for window, ms in zip(windows, samples, strict=True)]


def _times(values: Any, key: str) -> Samples:
    """A list of numbers above 0."""
    if not isinstance(values, list) or not values or any(type(value) not in (int, float) for value in values):
        raise DataError(f"a window of {key} holds {values!r:.40}, expected a list of times; measure again")
    times = np.asarray(values, np.float64)
    if not (times > 0).all():
        raise DataError(f"a window of {key} holds the time {times.min():g}, expected times above 0; measure again")
    return times


def _same(old: dict[str, Any], new: dict[str, Any], part: str, fields: tuple[str, ...], advice: str) -> None:
    """Refuses results that differ in one of the fields of a part."""
    before, after = (required(each, part, dict, where="result", error=DataError) for each in (old, new))
    for field in fields:
        if field not in before or field not in after or before[field] != after[field]:
            raise DataError(
                f"{part} {field} is {before.get(field)!r:.80} in the old result and {after.get(field)!r:.80} in the "
                f"new one: such results are not compared; {advice}"
            )
