"""What a run over an archive did: for people as tables, for programs as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from edgeseg.archive.schedule import Failure
from edgeseg.counted import counted

if TYPE_CHECKING:
    from rich.table import Table

STAGES = ("decode", "infer", "mask", "write", "join")
"""What workers do; the rest of their time they wait: for the network to load, for a task, or in starting one."""


@dataclass(frozen=True)
class WorkerReport:
    """What one worker did.

    Attributes:
        frames: it segmented.
        fps: frames a second, from the run's start to its end.
        shares: of that time, 0 to 1: decode, infer, mask (arg-max), write (statistics, PNG, table, overlay), join, and
            wait, the rest.
    """

    frames: int
    fps: float
    shares: dict[str, float]

    @classmethod
    def of(cls, frames: int, seconds: Counter[str], elapsed: float) -> WorkerReport:
        """From the seconds of each stage, and those from the run's start to its end."""
        shares = {stage: seconds[stage] / elapsed for stage in STAGES}
        return cls(frames, frames / elapsed, {**shares, "wait": max(0.0, 1 - sum(shares.values()))})


@dataclass(frozen=True)
class BatchReport:
    """The figures of one run.

    Attributes:
        videos: that were given.
        finished: of them, whose results are there; those of earlier runs too.
        frames: segmented by this run.
        frames_before: that earlier runs had segmented.
        seconds: it took, the loading of the network included.
        fps: frames a second of all workers together.
        workers: what each did.
        failures: videos that came to nothing, with the reason.
        warnings: one sentence each.
        others: files in the folders that are no videos by their names.
        interrupted: the signal that ended it, None if none did.
        fatal: why it ended before all videos were tried, None if it did not.
    """

    videos: int
    finished: int
    frames: int
    frames_before: int
    seconds: float
    fps: float
    workers: tuple[WorkerReport, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...]
    others: int
    interrupted: str | None
    fatal: str | None

    def to_json(self) -> dict[str, Any]:
        """A JSON object with these attributes."""
        return {**asdict(self), "failures": [each._asdict() for each in self.failures]}

    def table(self) -> Table:
        """The figures of the workers as a rich table."""
        from rich.table import Table

        earlier = f", {counted(self.frames_before, 'frame')} before" if self.frames_before else ""
        done = f"{self.finished} of {counted(self.videos, 'video')}, {counted(self.frames, 'frame')}"
        table = Table(title=f"{done}, {self.fps:.1f} fps{earlier}", caption=self._caption())
        table.add_column("worker", justify="right")
        table.add_column("frames", justify="right")
        table.add_column("fps", justify="right")
        for stage in (*STAGES, "wait"):
            table.add_column(stage, justify="right")
        for number, worker in enumerate(self.workers, 1):
            shares = (f"{100 * share:.0f} %" for share in worker.shares.values())
            table.add_row(str(number), str(worker.frames), f"{worker.fps:.1f}", *shares)
        return table

    def _caption(self) -> str | None:
        parts = []
        if self.failures:
            parts.append(f"{len(self.failures)} failed")
        if self.others:
            parts.append(f"{counted(self.others, 'file')} in the folders skipped, as their names are no videos'")
        if self.interrupted is not None:
            parts.append(f"interrupted: {self.interrupted}")
        return "; ".join(parts) or None
