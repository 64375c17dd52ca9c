"""One network for many cameras: its workers take the newest frame of one camera after the other.

A worker that is free asks the cameras in turn, beginning behind the one that was served last: whoever has a frame is
served before anybody gets a second one. A camera that is alone has all workers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from edgeseg.arrays import Image
from edgeseg.serve.camera import CameraWorker, Work
from edgeseg.video.model import Model, Result

STUCK = 20.0
"""Seconds that one frame may take; what takes longer hangs."""

MOST_FAILURES = 50
"""Frames in a row without a mask, over all cameras, after which the network is broken."""


class Scheduler:
    """The threads that segment.

    Attributes:
        cameras: that are served, in turn; replaced as a whole.
    """

    def __init__(self, model: Model, workers: int, broken: Callable[[str], None]) -> None:
        """Starts the workers.

        Args:
            model: segments.
            workers: frames at once.
            broken: called, with a sentence, when the network gives no masks any more.
        """
        self.cameras: tuple[CameraWorker, ...] = ()
        self._broken = broken
        lock = threading.Lock()  # guards all that follows
        self._change = threading.Condition(lock)  # there may be work, or none any more
        self._freed = threading.Condition(lock)  # a worker has done its frame
        self._model = model
        self._turn = 0
        self._stopped = False
        self._failures = 0
        self._at_work: dict[int, tuple[Model, float]] = {}  # by worker: with what, since when
        self._wanted = 0
        self._threads: dict[int, threading.Thread] = {}  # by number
        self._start(workers)

    def arrived(self) -> None:
        """Says that some camera has a frame."""
        with self._change:
            self._change.notify()

    def replace(self, model: Model, workers: int, seconds: float) -> bool:
        """Segments with another model from the next frame on; whether the one before is free by then.

        Args:
            model: the new one.
            workers: frames at once.
            seconds: to wait for the frames that the other one works on.
        """
        with self._change:
            before, self._model = self._model, model
            self._start(workers)
            self._change.notify_all()
            return self._freed.wait_for(lambda: all(busy is not before for busy, _ in self._at_work.values()), seconds)

    def is_well(self) -> bool:
        """Whether no worker hangs in a frame, and none has ended."""
        with self._change:
            now = time.perf_counter()
            hangs = any(now - since > STUCK for _, since in self._at_work.values())
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
        memory = np.empty((1, 0, 0, 3), np.uint8)
        while (turn := self._next(number)) is not None:
            work, model = turn
            shape = (1, model.spec.height, model.spec.width, 3)
            if memory.shape != shape:
                memory = np.empty(shape, np.uint8)
            outcome: Result | Exception
            try:
                outcome = _segment(model, work, memory)
            except Exception as error:  # of a frame, or of the network: the other cameras go on
                outcome = error
            work.camera.deliver(work, outcome)
            self._count(outcome)
            del turn, work, outcome  # or they would live on while the next one is awaited

    def _next(self, number: int) -> tuple[Work, Model] | None:
        """The next frame with the model for it; None when there will be no more."""
        with self._change:
            self._at_work.pop(number, None)
            self._freed.notify_all()
            while not self._stopped and number < self._wanted:
                cameras = self.cameras
                for step in range(1, len(cameras) + 1):
                    at = (self._turn + step) % len(cameras)
                    if (work := cameras[at].take()) is not None:
                        self._turn = at
                        self._at_work[number] = self._model, time.perf_counter()
                        return work, self._model
                self._change.wait()
            self._threads.pop(number, None)
            return None

    def _count(self, outcome: Result | Exception) -> None:
        """Counts failures in a row."""
        with self._change:
            self._failures = self._failures + 1 if isinstance(outcome, Exception) else 0
            broken = self._failures == MOST_FAILURES
        if broken:
            self._broken(f"the network gave no mask for {MOST_FAILURES} frames in a row, the last time: {outcome}")


def _segment(model: Model, work: Work, memory: Image) -> Result:
    """The frame with its mask."""
    frame = work.frame
    height, width = frame.image.shape[:2]
    started = time.perf_counter()
    tensor = model.prepare(frame.image, out=memory)
    prepared = time.perf_counter()
    if model.makes_masks and work.smoother is None:
        mask = model.segment(tensor, width, height)
        inferred = done = time.perf_counter()
    else:
        logits = model.infer(tensor)
        inferred = time.perf_counter()
        if work.smoother is not None:
            logits = work.smoother(frame, logits)
        mask = model.mask(logits, width, height)
        done = time.perf_counter()
    return Result(
        index=frame.index,
        frame=frame.image,
        mask=mask,
        overlay=None,
        timestamp=frame.timestamp,
        captured=frame.captured,
        done=done,
        seconds={
            "capture": frame.seconds,
            "prepare": prepared - started,
            "infer": inferred - prepared,
            "kernel": done - inferred,
        },
        name=None,
        labels=() if model.spec.head.exclusive else model.spec.classes,
    )
