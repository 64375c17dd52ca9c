"""One network for many cameras: its workers take the newest frame of one camera after the other.

A worker that is free asks the cameras in turn, beginning behind the one that was served last: whoever has a frame is
served before anybody gets a second one. A camera that is alone has all workers.

Where the network may be given several frames at once, a worker takes those of several cameras, if every other worker is
busy. A call that fails then is made again for each frame alone, so that no camera loses a frame by another's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from edgeseg.arrays import Image
from edgeseg.serve.camera import CameraWorker, Work
from edgeseg.video.model import Model, Result
from edgeseg.video.segment import make_room, segment

STUCK = 20.0
"""Seconds that one frame may take; what takes longer hangs."""

MOST_FAILURES = 50
"""Frames in a row without a mask, over all cameras, after which the network is broken."""


class Scheduler:
    """The threads that segment.

    Attributes:
        cameras: that are served, in turn; replaced as a whole.
        batch: frames of different cameras that a worker gives the network at once, at most.
    """

    def __init__(
        self,
        model: Model,
        workers: int,
        broken: Callable[[str], None],
        batch: int = 1,
        apart: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Starts the workers.

        Args:
            model: segments.
            workers: that segment at once.
            broken: called, with a sentence, when the network gives no masks any more.
            batch: frames of different cameras in one call, up to `model.batch`.
            apart: called, with a sentence, when the network takes frames alone and not together; from then on it gets
                them alone.
        """
        self.cameras: tuple[CameraWorker, ...] = ()
        self.batch = batch
        self._broken = broken
        self._apart = apart
        lock = threading.Lock()  # guards all that follows
        self._change = threading.Condition(lock)  # there may be work, or none any more
        self._freed = threading.Condition(lock)  # a worker has done its frame
        self._model = model
        self._turn = 0
        self._stopped = False
        self._failures = 0
        self._at_work: dict[int, tuple[Model, float, int]] = {}  # by worker: with what, since when, how many frames
        self._wanted = 0
        self._threads: dict[int, threading.Thread] = {}  # by number
        self._start(workers)

    def arrived(self) -> None:
        """Says that some camera has a frame."""
        with self._change:
            self._change.notify()

    def replace(self, model: Model, workers: int, seconds: float, batch: int = 1) -> bool:
        """Segments with another model from the next frame on; whether the one before is free by then.

        Args:
            model: the new one.
            workers: that segment at once.
            seconds: to wait for the frames that the other one works on.
            batch: frames of different cameras in one call.
        """
        with self._change:
            before, self._model = self._model, model
            self.batch = batch
            self._start(workers)
            self._change.notify_all()
            return self._freed.wait_for(lambda: all(busy is not before for busy, *_ in self._at_work.values()), seconds)

    def is_well(self) -> bool:
        """Whether no worker hangs in a frame, and none has ended."""
        with self._change:
            now = time.perf_counter()
            hangs = any(now - since > STUCK * frames for _, since, frames in self._at_work.values())
            there = sum(thread.is_alive() for thread in self._threads.values())
            return not hangs and there >= self._wanted

    def close(self, deadline: float) -> bool:
        """Ends the workers after the frames that they work on; whether all have ended in time.

        Args:
            deadline: a reading of time.perf_counter().
        """
        with self._change:
            self._stopped = True
            self._change.notify_all()
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, deadline - time.perf_counter()))
        return not any(thread.is_alive() for thread in threads)

    def _start(self, workers: int) -> None:
        """Starts the workers that are missing; those beyond the number end by themselves."""
        self._wanted = workers
        for number in range(workers):
            if number not in self._threads:
                name = f"edgeseg-serve-{number}"
                thread = threading.Thread(target=self._work, args=(number,), name=name, daemon=True)
                self._threads[number] = thread
                thread.start()

    def _work(self, number: int) -> None:
        """What a worker does."""
        room = make_room(self._model.spec, 0)
        while (turn := self._next(number)) is not None:
            works, model = turn
            if len(room) < len(works) or room.shape[1:3] != (model.spec.height, model.spec.width):
                room = make_room(model.spec, len(works))
            for work, outcome in zip(works, self._outcomes(model, works, room), strict=True):
                work.camera.deliver(work, outcome)
                self._count(outcome)
            del turn, works, work, outcome  # or they would live on while the next one is awaited

    def _next(self, number: int) -> tuple[Sequence[Work], Model] | None:
        """The next frames with the model for them; None when there will be no more."""
        with self._change:
            self._at_work.pop(number, None)
            self._freed.notify_all()
            while not self._stopped and number < self._wanted:
                if works := self._take():
                    self._at_work[number] = self._model, time.perf_counter(), len(works)
                    return works, self._model
                self._change.wait()
            self._threads.pop(number, None)
            return None

    def _take(self) -> Sequence[Work]:
        """The frame of the next camera that has one; where all other workers are busy, those of more cameras too."""
        most = self.batch if len(self._at_work) + 1 >= self._wanted else 1
        works: list[Work] = []
        cameras, turn = self.cameras, self._turn
        for step in range(1, len(cameras) + 1):
            at = (turn + step) % len(cameras)
            if (work := cameras[at].take()) is not None:
                self._turn = at
                works.append(work)
                if len(works) == most:
                    break
        return works

    def _outcomes(self, model: Model, works: Sequence[Work], room: Image) -> Iterator[Result | Exception]:
        """What becomes of each frame, as soon as it is known."""
        frames = [work.frame for work in works]
        changes = [None if work.smoother is None else partial(work.smoother, model) for work in works]
        failure: Exception | None = None
        try:
            yield from segment(model, frames, room, changes=changes)
        except Exception as error:  # of a frame, or of the network: the other cameras go on
            failure = error
        if failure is None:
            return
        if len(works) == 1:
            yield failure
            return
        failed = 0
        for work in works:
            for outcome in self._outcomes(model, [work], room):
                failed += isinstance(outcome, Exception)
                yield outcome
        if not failed:
            self._separate(model, len(works), failure)

    def _separate(self, model: Model, count: int, failure: Exception) -> None:
        """Gives this model one frame at a time from now on."""
        with self._change:
            told = self._model is model and self.batch > 1
            if told:
                self.batch = 1
        if told:
            what = f"{count} frames in one call failed ({failure}), and each alone did not"
            self._apart(f"{what}; they are given one at a time from now on")

    def _count(self, outcome: Result | Exception) -> None:
        """Counts failures in a row."""
        with self._change:
            self._failures = self._failures + 1 if isinstance(outcome, Exception) else 0
            broken = self._failures == MOST_FAILURES
        if broken:
            self._broken(f"the network gave no mask for {MOST_FAILURES} frames in a row, the last time: {outcome}")
