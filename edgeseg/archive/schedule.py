"""What is done next: no clock, process or file; tasks go out, and what came of them comes in.

Videos that are begun are finished first, so that no more are on their way than there are workers for; the pieces of
one may all be worked on at once.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from edgeseg.archive.tasks import Begun, Failed, Finished, Inseparable, Made, Outcome, Task
from edgeseg.archive.videos import Video

ATTEMPTS = 3
"""Workers that may die of one task, before its video counts as failed."""


class Failure(NamedTuple):
    """A video that came to nothing: its name, and the reason in a sentence."""

    video: str
    reason: str


@dataclass
class _Cut:
    """A video that is cut.

    Attributes:
        left: numbers of the pieces that are not finished.
        frames_before: in pieces that were there from earlier runs.
        frames: in those that this run has made.
        running: its tasks that are under way.
        reason: why it failed, if it did.
        whole: it cannot be cut after all.
    """

    left: set[int]
    frames_before: int
    frames: int = 0
    running: int = 0
    reason: str | None = None
    whole: bool = False


class Schedule:
    """The order of tasks.

    Attributes:
        finished: videos whose results are there, with their frames.
        failures: of the others, those that came to nothing.
        frames: segmented by this run.
        frames_before: that were there from earlier runs.
        warnings: one sentence each.
        fatal: why no other video can be done; None as long as they can.
    """

    def __init__(self, videos: Sequence[Video]) -> None:
        self.finished: dict[str, int] = {}
        self.failures: list[Failure] = []
        self.frames = 0
        self.frames_before = 0
        self.warnings: list[str] = []
        self.fatal: str | None = None
        self._waiting = deque(videos)
        self._ready: deque[Task] = deque()
        self._cut: dict[str, _Cut] = {}
        self._deaths: Counter[Task] = Counter()
        self._running = 0

    @property
    def done(self) -> bool:
        """Nothing is left to do, and nothing under way."""
        return not (self._running or (self.fatal is None and (self._ready or self._waiting)))

    def next(self) -> Task | None:
        """A task that can be done now; None if there is none until another comes to its end."""
        if self.fatal is not None or not (self._ready or self._waiting):
            return None
        task = self._ready.popleft() if self._ready else Task("begin", self._waiting.popleft())
        self._running += 1
        if (cut := self._cut.get(task.video.name)) is not None:
            cut.running += 1
        return task

    def note(self, task: Task, outcome: Outcome) -> None:
        """Takes what came of a task."""
        self._running -= 1
        name = task.video.name
        cut = self._cut.get(name)
        if cut is not None:
            cut.running -= 1
        if isinstance(outcome, Failed):
            if outcome.fatal:
                self.fatal = self.fatal or outcome.reason
            else:
                self._give_up(task.video, outcome.reason)
        elif isinstance(outcome, Begun):
            self.frames_before += outcome.frames_before
            cut = self._cut[name] = _Cut(set(range(outcome.pieces)) - outcome.finished, outcome.frames_before)
            self._ready.extend(Task("piece", task.video, number) for number in sorted(cut.left))
        elif isinstance(outcome, Finished):
            self.finished[name] = outcome.frames
            self.frames += outcome.work.frames
            self.frames_before += outcome.frames if outcome.earlier else 0
            self.warnings += outcome.warnings
            self._cut.pop(name, None)
        elif isinstance(outcome, Inseparable) and cut is not None:
            cut.whole = True
            self._drop(task.video)
        elif isinstance(outcome, Inseparable):
            self._give_up(task.video, outcome.reason)
        elif isinstance(outcome, Made) and cut is not None:
            self.frames += outcome.work.frames
            cut.frames += outcome.work.frames
            cut.left.discard(task.piece)
        self._go_on(task.video, joins=isinstance(outcome, (Begun, Made)))

    def lost(self, task: Task, how: str) -> None:
        """The worker died: `how` it did, as "was ended by SIGKILL". Another does the task again."""
        self._deaths[task] += 1
        if self._deaths[task] >= ATTEMPTS:
            self.note(task, Failed(f"{task.video.path}: a process that works on it {how}, {ATTEMPTS} times"))
            return
        self._running -= 1
        if (cut := self._cut.get(task.video.name)) is not None:
            cut.running -= 1
        self._ready.appendleft(task)
        self._go_on(task.video, joins=False)

    def _go_on(self, video: Video, *, joins: bool) -> None:
        """What is to be done with a video that is cut, once nothing of it is under way."""
        cut = self._cut.get(video.name)
        if cut is None or cut.running:
            return
        if cut.reason is not None or cut.whole:
            self._drop(video)
            del self._cut[video.name]
            if cut.reason is not None:
                self.failures.append(Failure(video.name, cut.reason))
            else:
                self.frames -= cut.frames  # they are done again
                self.frames_before -= cut.frames_before
                self._ready.appendleft(Task("whole", video))
        elif joins and not cut.left:
            self._ready.appendleft(Task("join", video))

    def _give_up(self, video: Video, reason: str) -> None:
        """The video fails, once those of its tasks that are under way have come to their end."""
        if (cut := self._cut.get(video.name)) is None:
            self.failures.append(Failure(video.name, reason))
        else:
            cut.reason = cut.reason or reason
            self._drop(video)

    def _drop(self, video: Video) -> None:
        """Takes back the tasks of a video that nobody has begun."""
        self._ready = deque(task for task in self._ready if task.video.name != video.name)
