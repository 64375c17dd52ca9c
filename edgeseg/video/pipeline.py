"""Frames in, masks out, in order, with every core busy and memory bounded.

    for result in stream(model, "street.mp4"):
        result.mask            # uint8 (H, W) class ids

Each worker takes the next frame from the source, segments it and hands it over; then it takes the next. Only one
worker reads at a time, while the others compute: with as many single-threaded workers as cores, all of them are busy
and no thread beyond them competes for the cores. The caller's thread puts the results in order.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edgeseg.arrays import Image
from edgeseg.errors import LostError, UsageError
from edgeseg.video.model import Model, Result
from edgeseg.video.open import Input, open_source
from edgeseg.video.options import StreamOptions
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
        workers: how many frames are segmented at the same time.
        ended: why there are no more results; None before the last one, and where the loop was left early.
    """

    def __init__(self, model: Model, source: Source, options: StreamOptions) -> None:
        """Takes over the source, and closes it in the end; `stream` explains the rest."""
        self.source = source
        self.stats = Statistics()
        self.workers = options.frames_at_once(model.threads)
        self.ended: Ended | None = None
        self._model = model
        self._options = options
        # frames alive at any time, apart from the caller's own
        self._places = self.workers + options.waiting(model.threads)
        self._left = options.max_frames
        self._threads: list[threading.Thread] = []
        self._reading = threading.Lock()  # held while taking a frame; guards _left and _read
        self._read = 0
        self._change = threading.Condition()  # guards all that follows
        self._finished: dict[int, Result] = {}
        self._alive = 0
        self._running = self.workers
        self._stopped = False
        self._error: BaseException | None = None
        # One that is dropped before anybody iterates over it holds a device too.
        weakref.finalize(self, source.close).atexit = False  # then it is _close_all's work
        _OPEN.add(self)

    def __iter__(self) -> Iterator[Result]:
        """Yields the results in order.

        Raises:
            LostError: a live source broke off, and that is not tolerated; all results came before.
            UsageError: it was iterated over before.
            BaseException: whatever the source or the model raised, at once.
        """
        if self._threads:
            raise UsageError("this stream was read before, and a stream is read once; call edgeseg.stream() again")
        self._threads = [
            threading.Thread(target=self._work, name=f"edgeseg-worker-{number}", daemon=True)
            for number in range(self.workers)
        ]
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
            return Ended("stopped", f"after {self._options.max_frames} frames, as asked")
        if self._stopped:
            return Ended("stopped")
        return self.source.ended or Ended("end_of_file")

    def _await(self, order: int) -> Result | None:
        """The result with that number, None after the last; the caller's thread waits here."""
        with self._change:
            while order not in self._finished and not self._stopped:
                self._raise_error()
                if self._running == 0:
                    return None
                self._change.wait()
        if self._stopped and self.source.live:
            self.source.close()  # wakes the worker that waits for a frame
        with self._change:
            while order not in self._finished:
                self._raise_error()
                if self._running == 0:
                    return None
                self._change.wait()
            self._alive -= 1
            self._change.notify_all()
            return self._finished.pop(order)

    def _raise_error(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _work(self) -> None:
        """What a worker does: read a frame, segment it, hand the result over."""
        try:
            memory = np.empty((1, self._model.spec.height, self._model.spec.width, 3), np.uint8)
            while (numbered := self._next()) is not None:
                order, frame = numbered
                result = self._segment(frame, memory)
                with self._change:
                    self._finished[order] = result
                    self._change.notify_all()
                del numbered, frame, result
        except BaseException as error:  # whatever it is, the caller's thread raises it
            with self._change:
                self._error = self._error or error
                self._stopped = True
        finally:
            with self._change:
                self._running -= 1
                self._change.notify_all()

    def _next(self) -> tuple[int, Frame] | None:
        """The next frame with its number, as soon as there is room for one more; None at the end."""
        with self._change:
            while self._alive >= self._places and not self._stopped:
                self._change.wait()
            if self._stopped:
                return None
            self._alive += 1
        with self._reading:
            if self._stopped or self._left == 0 or (frame := next(self.source, None)) is None:
                return None
            order, self._read = self._read, self._read + 1
            if self._left is not None:
                self._left -= 1
            return order, frame

    def _segment(self, frame: Frame, memory: Image) -> Result:
        height, width = frame.image.shape[:2]
        started = time.perf_counter()
        tensor = self._model.prepare(frame.image, out=memory)
        prepared = time.perf_counter()
        mask = overlay = None
        if self._model.makes_masks:
            mask = self._model.segment(tensor, width, height)
            inferred = time.perf_counter()
            if self._options.overlay:
                overlay = self._model.paint(mask, frame.image, alpha=self._options.alpha)
        else:
            logits = self._model.infer(tensor)
            inferred = time.perf_counter()
            if self._options.overlay:
                shape = self._model.spec.mask_shape(width, height)
                mask = np.empty(shape, np.uint8) if self._options.masks else None
                overlay = self._model.overlay(logits, frame.image, alpha=self._options.alpha, mask=mask)
            else:
                mask = self._model.mask(logits, width, height)
        done = time.perf_counter()
        seconds = {
            "capture": frame.seconds,
            "prepare": prepared - started,
            "infer": inferred - prepared,
            "kernel": done - inferred,
        }
        if not self._options.masks:
            mask = None
        return Result(
            frame.index,
            frame.image,
            mask,
            overlay,
            frame.timestamp,
            frame.captured,
            done,
            seconds,
            frame.name,
            () if self._model.spec.head.exclusive else self._model.spec.classes,
        )


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
        UsageError: an option is out of range.
        SourceError: the source cannot be opened or gives no frame.
    """
    options = replace(options or StreamOptions(), **keywords)
    if not isinstance(source, Source):
        source = open_source(
            source,
            timeout=options.timeout,
            decoder_threads=options.decoder_threads(model.threads),
            reconnect=options.policy,
        )
    return Stream(model, source, options)


@atexit.register
def _close_all() -> None:
    """Threads in native code must not outlive the interpreter: it would abort the process."""
    for running in list(_OPEN):
        running.close()
