"""Frames in, masks out, in order, with every core busy and memory bounded.

    for result in stream(model, "street.mp4"):
        result.mask            # uint8 (H, W) class ids

Each worker takes the next frame from the source, segments it and hands it over; then it takes the next. Only one
worker reads at a time, while the others compute: with as many single-threaded workers as cores, all of them are busy
and no thread beyond them competes for the cores. The caller's thread puts the results in order.

With a batch a thread of its own reads ahead, and each worker takes as many frames as are there.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgeseg.counted import counted
from edgeseg.errors import LostError, UsageError
from edgeseg.video.gathering import Gathering
from edgeseg.video.model import Model, Result
from edgeseg.video.open import Input, open_source
from edgeseg.video.options import StreamOptions
from edgeseg.video.segment import Wanted, make_room, segment
from edgeseg.video.source import Ended, Frame, Source
from edgeseg.video.timing import Statistics

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from edgeseg.video.options import StreamKeywords

JOIN_SECONDS = 5.0
"""How long the end of a stream waits for a worker whose read never returns."""

_OPEN: weakref.WeakSet[Stream] = weakref.WeakSet()
"""Streams that hold a source."""


class Stream:
    """A running segmentation of one source: iterate over it once. Leaving the loop early stops and frees everything.

    Attributes:
        source: what it reads.
        stats: live statistics.
        workers: how many threads segment at the same time.
        batch: how many frames each of them gives the network at once, at most.
        ended: why there are no more results; None before the last one, and where the loop was left early.
    """

    def __init__(self, model: Model, source: Source, options: StreamOptions) -> None:
        """Takes over the source, and closes it in the end; `stream` explains the rest."""
        check_batch(model, options)
        self.source = source
        self.stats = Statistics()
        self.workers = options.frames_at_once(model.threads)
        self.batch = 1 if source.live else options.batch  # of a live source there is never more than the newest
        self.ended: Ended | None = None
        self._model = model
        self._options = options
        self._wanted = Wanted(options.masks, options.overlay, options.alpha)
        self._gathering: Gathering[tuple[int, Frame]] | None = None
        if self.batch > 1:
            self._gathering = Gathering(self.batch, options.batch_wait)
        # frames alive at any time, apart from the caller's own; beside those in work a group that is being gathered
        self._places = self.workers * self.batch + self.batch - 1 + options.waiting(model.threads)
        self._left = options.max_frames
        self._threads: list[threading.Thread] = []
        self._reading = threading.Lock()  # held while taking a frame; guards _left and _read; before _change
        self._read = 0
        self._change = threading.Condition()  # guards all that follows
        self._finished: dict[int, Result] = {}
        self._alive = 0
        self._running = self.workers
        self._stopped = False
        self._error: tuple[int, BaseException] | None = None  # with the number of the frame that is missing
        # One that is dropped before anybody iterates over it holds a device too.
        weakref.finalize(self, source.close).atexit = False  # then it is _close_all's work
        _OPEN.add(self)

    def __iter__(self) -> Iterator[Result]:
        """Yields the results in order.

        Raises:
            LostError: a live source broke off, and that is not tolerated; all results came before.
            UsageError: it was iterated over before.
            BaseException: whatever the source or the model raised, after the results of the frames before.
        """
        if self._threads:
            raise UsageError("this stream was read before, and a stream is read once; call edgeseg.stream() again")
        self._threads = [
            threading.Thread(target=self._work, name=f"edgeseg-worker-{number}", daemon=True)
            for number in range(self.workers)
        ]
        if self._gathering is not None:
            self._threads.append(
                threading.Thread(target=self._gather, args=(self._gathering,), name="edgeseg-reader", daemon=True)
            )
        self.stats.start(time.perf_counter())
        try:
            for thread in self._threads:
                thread.start()
            order = 0
            while (result := self._await(order)) is not None:
                self.stats.add(result.seconds, result.captured, result.done)
                self.stats.dropped = self.source.dropped
                yield result
                del result  # or it would live on while the next one is awaited
                order += 1
            self.ended = self._end()
        finally:
            self.close()
        if self.ended.how == "lost" and not self._options.tolerate_loss:
            raise LostError(self.ended.reason or f"{self.source.name} gave no more frames")

    def stop(self) -> None:
        """Reads no more frames: iterating ends after those that were read already. A signal handler may call it."""
        with self._change:
            self._stopped = True
            self._change.notify_all()

    def close(self) -> None:
        """Stops the workers and closes the source; more calls do nothing."""
        with self._change:
            self._stopped = True
            self._finished.clear()
            self._change.notify_all()
        if self._gathering is not None:
            self._gathering.clear()
        if self.source.live:
            self.source.close()  # wakes the worker that waits for a frame
        deadline = time.perf_counter() + JOIN_SECONDS
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.perf_counter()))
        if not any(thread.is_alive() for thread in self._threads):
            self.source.close()
            _OPEN.discard(self)
        self.stats.dropped = self.source.dropped  # since the last result too
        self.stats.discarded = self._read - self.stats.frames

    def _end(self) -> Ended:
        """Why there are no more results."""
        if self._left == 0:
            return Ended("stopped", f"after {counted(self._read, 'frame')}, as asked")
        if self._stopped:
            return Ended("stopped")
        return self.source.ended or Ended("end_of_file")

    def _await(self, order: int) -> Result | None:
        """The result with that number, None after the last; the caller's thread waits here."""

        def settled() -> bool:
            if order in self._finished:
                return True
            if self._error is not None and self._error[0] <= order:
                (_, error), self._error = self._error, None
                raise error
            return self._running == 0

        with self._change:
            self._change.wait_for(lambda: settled() or self._stopped)
        if self._stopped and self.source.live:
            self.source.close()  # wakes the worker that waits for a frame
        with self._change:
            self._change.wait_for(settled)
            if order not in self._finished:
                return None
            self._alive -= 1
            self._change.notify_all()
            return self._finished.pop(order)

    def _fail(self, order: int, error: BaseException) -> None:
        """Ends the stream at that number, where the caller's thread raises the error; the earliest counts."""
        with self._change:
            if self._error is None or order < self._error[0]:
                self._error = order, error
            self._stopped = True
            self._change.notify_all()

    def _work(self) -> None:
        """What a worker does: read a frame, segment it, hand the result over."""
        order = 0
        try:
            room = make_room(self._model.spec, self.batch)
            while group := self._take():
                orders, frames = zip(*group, strict=True)
                order = orders[0]
                outcomes = segment(self._model, frames, room, self._wanted)
                for order, outcome in zip(orders, outcomes, strict=True):
                    if isinstance(outcome, Exception):
                        raise outcome
                    with self._change:
                        self._finished[order] = outcome
                        self._change.notify_all()
                del group, frames, outcomes, outcome
        except BaseException as error:  # whatever it is, the caller's thread raises it
            self._fail(order, error)
        finally:
            with self._change:
                self._running -= 1
                self._change.notify_all()

    def _take(self) -> list[tuple[int, Frame]]:
        """What a worker segments next, with numbers; empty at the end."""
        if self._gathering is not None:
            return self._gathering.take()
        numbered = self._next()
        return [] if numbered is None else [numbered]

    def _gather(self, gathering: Gathering[tuple[int, Frame]]) -> None:
        """What a thread does that reads for all workers."""
        while (numbered := self._next()) is not None:
            gathering.put(numbered)
            del numbered
        gathering.finish()

    def _next(self) -> tuple[int, Frame] | None:
        """The next frame with its number, as soon as there is room for one more; None at the end."""
        with self._change:
            while self._alive >= self._places and not self._stopped:
                self._change.wait()
            if self._stopped:
                return None
            self._alive += 1
        with self._reading:
            if self._stopped or self._left == 0:
                return None
            try:
                frame = next(self.source, None)
            except BaseException as error:  # whatever it is; recorded here, as the next worker would read on
                self._fail(self._read, error)
                return None
            if frame is None:
                return None
            order, self._read = self._read, self._read + 1
            if self._left is not None:
                self._left -= 1
            return order, frame


def stream(
    model: Model, source: Input | Source, options: StreamOptions | None = None, **keywords: Unpack[StreamKeywords]
) -> Stream:
    """Segments every frame of a file, or the newest frames of a live source, and gives the results in order.

    Args:
        model: best loaded with `engine_threads(mode)` threads.
        source: whatever `open_source` takes, or an open source; the stream closes it.
        options: how it works; the defaults of StreamOptions otherwise.
        **keywords: fields of StreamOptions that replace those of `options`.

    Raises:
        UsageError: an option is out of range, or the model takes fewer frames at once than are asked for, or is a name.
        SourceError: the source cannot be opened or gives no frame.
    """
    if isinstance(model, (str, Path)):
        raise UsageError(f"got {str(model)!r} as model, expected a segmenter; give edgeseg.load({str(model)!r})")
    options = replace(options or StreamOptions(), **keywords)
    check_batch(model, options)
    if not isinstance(source, Source):
        source = open_source(
            source,
            timeout=options.timeout,
            decoder_threads=options.decoder_threads(model.threads),
            reconnect=options.policy,
        )
    return Stream(model, source, options)


def check_batch(model: Model, options: StreamOptions) -> None:
    """Refuses a batch that the model does not take.

    Raises:
        UsageError: the model takes fewer frames at once.
    """
    if options.batch > 1 and options.batch > model.batch:
        most = "one frame" if model.batch == 1 else f"up to {model.batch} frames"
        raise UsageError(
            f"batch is {options.batch}, and {model.spec.name} takes {most} at once here; export it with --batch "
            f"{options.batch}, or ask for less"
        )


@atexit.register
def _close_all() -> None:
    """Threads in native code must not outlive the interpreter: it would abort the process."""
    for running in list(_OPEN):
        running.close()
