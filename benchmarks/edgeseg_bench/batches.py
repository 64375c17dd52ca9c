"""Throughput and latency against the pictures that an engine is given at once, in turns on the same frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeseg.batch_size import numbers
from edgeseg.errors import UsageError
from edgeseg.segmenter import Segmenter
from edgeseg_bench.engine import measure, tensors_of
from edgeseg_bench.windows import Window, agree

if TYPE_CHECKING:
    from rich.table import Table

CALLS = 20
"""Of a window, for each number of pictures."""


@dataclass(frozen=True)
class BatchFigures:
    """What was measured with so many pictures at once; medians of windows.

    Attributes:
        pictures: at once.
        ms: a call takes: the latency of each of its pictures.
        ms_a_picture: the same, by the pictures.
        fps: pictures a second of all workers.
        core_ms: processor time a picture.
        steady: the last three windows agree within 10 %.
    """

    pictures: int
    ms: float
    ms_a_picture: float
    fps: float
    core_ms: float
    steady: bool

    @classmethod
    def of(cls, pictures: int, windows: list[Window]) -> BatchFigures:
        """From windows whose frames are calls."""
        ms = median(window.p50 for window in windows)
        cores = median(window.core_seconds / len(window.ms) for window in windows)
        fps = median(window.fps for window in windows) * pictures
        steady = agree([window.p50 for window in windows])
        return cls(pictures, ms, ms / pictures, fps, 1e3 * cores / pictures, steady)


def measure_batches(
    model: Segmenter,
    video: Path,
    *,
    workers: int,
    windows: int,
    calls: int = CALLS,
    say: Callable[[str], None] = lambda _: None,
) -> list[BatchFigures]:
    """Measures each number of pictures, in turns, so that a slow moment of the machine meets all.

    Args:
        model: whose network takes several.
        video: whose first frames are used.
        workers: threads that call the engine at once.
        windows: of each number.
        calls: of a window.
        say: called with what is being measured.

    Raises:
        UsageError: the network takes one picture at a time, or `windows` is too small.
        SourceError: the video cannot be opened.
    """
    spec = model.spec
    if spec.batch == 1:
        raise UsageError(f"{spec.name} takes one picture at a time; export it with --batch for more")
    if windows < 3:
        raise UsageError(f"windows is {windows}, expected at least 3: fewer say nothing")
    frames = tensors_of(model, video)
    found: dict[int, list[Window]] = {number: [] for number in numbers(spec.batch)}
    groups = {
        number: [
            np.concatenate([frames[(first + place) % len(frames)] for place in range(number)])
            for first in range(len(frames))
        ]
        for number in found
    }
    for turn in range(windows):
        for number, measured in found.items():
            say(f"{number} at once, window {turn + 1} of {windows}")
            measured.append(measure(model.infer, groups[number], frames=calls, workers=workers))
    return [BatchFigures.of(number, measured) for number, measured in found.items()]


def to_json(figures: list[BatchFigures]) -> list[dict[str, Any]]:
    """A JSON object for each number of pictures, with the attributes of `BatchFigures`."""
    return [asdict(each) for each in figures]


def table(figures: list[BatchFigures], what: str) -> Table:
    """The figures as a rich table; `what` was measured."""
    from rich.table import Table

    unsteady = ", ".join(str(each.pictures) for each in figures if not each.steady)
    table = Table(title=what, caption=f"windows do not agree: {unsteady} at once" if unsteady else None)
    for name in ("at once", "ms a call", "ms a picture", "pictures/s", "core ms a picture"):
        table.add_column(name, justify="right")
    for each in figures:
        row = (each.ms, each.ms_a_picture, each.fps, each.core_ms)
        table.add_row(str(each.pictures), *(f"{figure:.2f}" for figure in row))
    return table
