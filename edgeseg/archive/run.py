"""The whole of it: an archive of videos, segmented by many workers. `edgeseg batch` calls this."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Protocol

from edgeseg.archive.pool import Event, Frames, Lost
from edgeseg.archive.report import BatchReport, WorkerReport
from edgeseg.archive.schedule import Schedule
from edgeseg.archive.tasks import Begun, Failed, Finished, Made, Task
from edgeseg.archive.videos import Video
from edgeseg.interrupt import interruptible
from edgeseg.progress import progress_bar

PATIENCE = 0.2
"""Seconds between two looks at signals and the bar."""


class Pool(Protocol):
    """What does the tasks."""

    count: int
    started: float

    @property
    def free(self) -> Sequence[int]:
        """Numbers of the workers that have nothing to do."""

    def give(self, worker: int, task: Task) -> None:
        """Has a free worker do a task."""

    def wait(self, seconds: float) -> list[Event]:
        """What workers did meanwhile; it waits for that, but no longer than so many seconds."""

    def close(self) -> None:
        """Ends all."""


def run_batch(
    videos: Sequence[Video], make_pool: Callable[[], Pool], *, others: int = 0, quiet: bool = False
) -> BatchReport:
    """Segments videos, until all are done or a signal comes; what is finished stays.

    Args:
        videos: which.
        make_pool: gives the workers, once signals are handled.
        others: for the report, files that are no videos.
        quiet: no progress bar.

    Raises:
        EngineError: the workers cannot load the network.
    """
    schedule = Schedule(videos)
    estimate = Estimate(videos)
    with interruptible() as signals, closing(make_pool()) as pool, progress_bar("frames", quiet=quiet) as progress:
        tallies = [Tally() for _ in range(pool.count)]
        while not schedule.done and not signals and schedule.fatal is None:
            for worker in pool.free:
                if (task := schedule.next()) is None:
                    break
                pool.give(worker, task)
            for event in pool.wait(PATIENCE):
                if isinstance(event.what, Frames):
                    tallies[event.worker].now = event.what.done
                elif isinstance(event.what, Lost):
                    tallies[event.worker].now = 0
                    schedule.lost(event.task, event.what.how)
                else:
                    tallies[event.worker].add(event)
                    schedule.note(event.task, event.what)
                    estimate.note(event)
            elapsed = time.perf_counter() - pool.started
            now = schedule.frames + sum(tally.now for tally in tallies)
            done = schedule.frames_before + now
            failed = f", {len(schedule.failures)} failed" if schedule.failures else ""
            note = f"{len(schedule.finished)}/{len(videos)} videos, {now / elapsed:.1f} fps{failed}"
            progress(done, max(done, estimate.frames), note=note)
        elapsed = time.perf_counter() - pool.started
    return BatchReport(
        videos=len(videos),
        finished=len(schedule.finished),
        frames=schedule.frames,
        frames_before=schedule.frames_before,
        seconds=elapsed,
        fps=schedule.frames / elapsed,
        workers=tuple(WorkerReport.of(tally.frames, tally.seconds, elapsed) for tally in tallies),
        failures=tuple(schedule.failures),
        warnings=tuple(schedule.warnings),
        others=others,
        interrupted=signals[0].name if signals else None,
        fatal=schedule.fatal,
    )


class Tally:
    """What one worker has done: frames, seconds of each stage, and `now`, frames of the task that is under way."""

    def __init__(self) -> None:
        self.frames = 0
        self.now = 0
        self.seconds: Counter[str] = Counter()

    def add(self, event: Event) -> None:
        """Counts a task that came to its end."""
        self.now = 0
        if isinstance(event.what, (Made, Finished)):
            self.frames += event.what.work.frames
            self.seconds.update(event.what.work.seconds)


class Estimate:
    """How many frames there are in all: those that are known, and for the other videos as many a byte."""

    def __init__(self, videos: Sequence[Video]) -> None:
        self._known: dict[str, int] = {}
        self._bytes = {video.name: max(1, video.bytes) for video in videos}
        self._bytes_known = 0
        self._bytes_in_all = sum(self._bytes.values())

    def note(self, event: Event) -> None:
        """Takes what became known of a video; nothing is known of one that failed, which drops out."""
        name = event.task.video.name
        if isinstance(event.what, Failed) and name in self._bytes:
            self._bytes_in_all -= self._bytes.pop(name)
            if self._known.pop(name, None) is not None:
                self._bytes_known = sum(self._bytes[each] for each in self._known)
        elif isinstance(event.what, (Begun, Finished)) and event.what.frames is not None and name in self._bytes:
            self._bytes_known += 0 if name in self._known else self._bytes[name]
            self._known[name] = event.what.frames

    @property
    def frames(self) -> int:
        """The estimate; 0 as long as nothing is known."""
        known = sum(self._known.values())
        return round(known * self._bytes_in_all / self._bytes_known) if self._bytes_known else 0
