"""What a run did: for people as a table, for programs as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from edgeseg.video.source import Ended
from edgeseg.video.supervised.status import Connection
from edgeseg.video.timing import Summary

if TYPE_CHECKING:
    from rich.table import Table

CAUSES = {
    "before_start": "before the first mask",
    "replaced": "replaced by newer ones",
    "at_end": "at the end",
    "damaged": "damaged",
}
"""The causes of `edgeseg.video.source.Skipped`, in words."""


@dataclass(frozen=True)
class Report:
    """The figures of one run.

    Attributes:
        source: its name, without credentials.
        width: of the frames, in pixels.
        height: of the frames, in pixels.
        mode: "throughput" or "latency".
        workers: that segment at the same time.
        threads: of the engine, for each of them.
        batch: frames that each gives the engine at once, at most.
        frames: segmented, and handed to the outputs.
        fps: frames a second from the first capture to the last finished mask.
        dropped: frames of a live source that a newer one replaced, `skipped["replaced"]`.
        connection: of a source that is connected again, what became of its connection: reconnects by cause, stalls,
            gaps, their seconds, freezes; None for others.
        skipped: frames that arrived or were read and were not segmented, by the causes of
            `edgeseg.video.source.Skipped`.
        stages: milliseconds for each stage, alone; they overlap.
        capture_to_mask: milliseconds from capture to finished mask, waiting included; display and recording are not.
        outputs: paths written.
        failures: one sentence for each output that could not be written to its end.
        warnings: one sentence each.
        ended: why there were no more frames; the outputs are complete up to there.
    """

    source: str
    width: int
    height: int
    mode: str
    workers: int
    threads: int
    batch: int
    frames: int
    fps: float
    dropped: int
    connection: Connection | None
    skipped: dict[str, int]
    stages: dict[str, Summary]
    capture_to_mask: Summary
    outputs: tuple[str, ...]
    failures: tuple[str, ...]
    warnings: tuple[str, ...]
    ended: Ended

    def to_json(self) -> dict[str, Any]:
        """A JSON object with these attributes, without a batch of one; times in milliseconds."""
        fields = {**asdict(self), "ended": self.ended._asdict()}
        return {name: value for name, value in fields.items() if (name, value) != ("batch", 1)}

    def table(self) -> Table:
        """The figures as a rich table."""
        from rich.table import Table

        table = Table(
            title=f"{self.frames} frame{'s' * (self.frames != 1)}, {self.fps:.1f} fps, {self.dropped} dropped",
            caption=self._caption(),
        )
        table.add_column("milliseconds")
        for column in ("p50", "p95", "p99", "mean"):
            table.add_column(column, justify="right")
        for name, times in (*self.stages.items(), ("capture to mask", self.capture_to_mask)):
            figures = (times["p50"], times["p95"], times["p99"], times["mean"])
            table.add_row(name, *(f"{figure:.2f}" for figure in figures), end_section=name == [*self.stages][-1])
        return table

    def _caption(self) -> str:
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        parts = [f"{self.width}x{self.height}, {self.workers} at a time, {threads} each"]
        if self.batch > 1:
            parts[0] += f", up to {self.batch} frames in one call"
        if any(self.skipped.values()):
            parts.append("not segmented: " + ", ".join(f"{n} {CAUSES[name]}" for name, n in self.skipped.items() if n))
        if (connection := self.connection) is not None and connection.reconnects:
            causes = ", ".join(f"{n} {cause.replace('_', ' ')}" for cause, n in connection.reconnects.items())
            parts.append(f"connected again after {causes}")
        if connection is not None and connection.gaps:
            gaps = f"{connection.gaps} gap{'s' * (connection.gaps != 1)}"
            parts.append(f"{gaps} of {connection.gap_seconds:.1f} s in all")
        if self.ended.how != "end_of_file":
            parts.append(f"{self.ended.how}: {self.ended.reason}" if self.ended.reason else self.ended.how)
        return "; ".join(parts)
