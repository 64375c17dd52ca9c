"""What a run did: for people as a table, for programs as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from edgeseg.video.timing import Summary

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Report:
    """The figures of one run.

    Attributes:
        source: its name, without credentials.
        width: of the frames, in pixels.
        height: of the frames, in pixels.
        mode: "throughput" or "latency".
        workers: frames segmented at the same time.
        threads: of the engine, for each of them.
        frames: segmented, and written where an output was asked for.
        fps: frames a second from the first capture to the last finished mask.
        dropped: frames of a live source that a newer one replaced.
        stages: milliseconds for each stage, alone; they overlap.
        capture_to_mask: milliseconds from capture to finished mask, waiting included; display and recording are not.
        outputs: paths written.
        warnings: one sentence each.
        interrupted: Ctrl-C ended it; the outputs are complete up to there. The command line then exits with 130.
    """

    source: str
    width: int
    height: int
    mode: str
    workers: int
    threads: int
    frames: int
    fps: float
    dropped: int
    stages: dict[str, Summary]
    capture_to_mask: Summary
    outputs: tuple[str, ...]
    warnings: tuple[str, ...]
    interrupted: bool

    def to_json(self) -> dict[str, Any]:
        """A JSON object with these attributes; times in milliseconds."""
        return asdict(self)

    def table(self) -> Table:
        """The figures as a rich table."""
        from rich.table import Table

        table = Table(
            title=f"{self.frames} frames, {self.fps:.1f} fps, {self.dropped} dropped",
            caption=f"{self.width}x{self.height}, {self.workers} at a time, {self.threads} threads each",
        )
        table.add_column("milliseconds")
        for column in ("p50", "p95", "p99", "mean"):
            table.add_column(column, justify="right")
        for name, times in (*self.stages.items(), ("capture to mask", self.capture_to_mask)):
            figures = (times["p50"], times["p95"], times["p99"], times["mean"])
            table.add_row(name, *(f"{figure:.2f}" for figure in figures), end_section=name == [*self.stages][-1])
        return table
