"""Frames in, masks out, in order, with every core busy and memory bounded.

    for result in stream(model, "street.mp4"):
        result.mask            # uint8 (H, W) class ids

Each worker takes the next frame from the source, segments it and hands it over; then it takes the next. Only one
worker reads at a time, while the others compute: with as many single-threaded workers as cores, all of them are busy
and no thread beyond them competes for the cores. The caller's thread puts the results in order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Literal

import numpy as np

from edgeseg.arrays import Image
from edgeseg.errors import UsageError
from edgeseg.processor import available_cores
from edgeseg.video.model import Model, Result
from edgeseg.video.open import Input, open_source
from edgeseg.video.source import Frame, Source
from edgeseg.video.timing import Statistics

Mode = Literal["throughput", "latency"]
"""Many frames at once on one core each, or one frame at a time on all cores."""

JOIN_SECONDS = 5.0
"""How long the end of a stream waits for a worker whose read never returns."""


def engine_threads(mode: Mode) -> int:
    """Threads to load a model with: 1 for throughput, where every core has a worker; all for latency."""
    return 1 if mode == "throughput" else available_cores()


class Stream:
    """A running segmentation of one source: iterate over it once. Leaving the loop early stops and frees everything.

    Attributes:
        source: what it reads.
        stats: live statistics.
        workers: how many frames are segmented at the same time.
    """

    def __init__(
        self,
        model: Model,
        source: Source,
        *,
        workers: int,
        waiting: int,
        overlay: bool,
        masks: bool,
        alpha: float,
        max_frames: int | None,
    ) -> None:
        """See `stream`; `waiting` is how many finished results may wait for the caller."""
        self.source = source
        self.stats = Statistics()
        self.workers = workers
        self._model = model
        self._overlay = overlay
        self._masks = masks
        self._alpha = alpha
        self._places = workers + waiting  # frames alive at any time, apart from the caller's own
        self._left = max_frames
        self._threads: list[threading.Thread] = []
        self._reading = threading.Lock()  # held while taking a frame; guards _left and _taken
        self._taken = 0
        self._change = threading.Condition()  # guards all that follows
        self._finished: dict[int, Result] = {}
        self._alive = 0
        self._running = workers
        self._stopped = False
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[Result]:
        """Yields the results in order.

        Raises:
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
        finally:
            self.close()

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

    def _await(self, order: int) -> Result | None:
        """The result with that number, None after the last; the caller's thread waits here."""
        with self._change:
            while order not in self._finished:
                if self._error is not None:
                    error, self._error = self._error, None
                    raise error
                if self._running == 0:
                    return None
                self._change.wait()
            self._alive -= 1
            self._change.notify_all()
            return self._finished.pop(order)

    def _work(self) -> None:
        """A worker's life: take, segment, hand over."""
        try:
            memory = np.empty((1, self._model.spec.height, self._model.spec.width, 3), np.uint8)
            while (taken := self._take()) is not None:
                order, frame = taken
                result = self._segment(frame, memory)
                with self._change:
                    self._finished[order] = result
                    self._change.notify_all()
                del taken, frame, result
        except BaseException as error:  # whatever it is, the caller's thread raises it
            with self._change:
                self._error = self._error or error
                self._stopped = True
        finally:
            with self._change:
                self._running -= 1
                self._change.notify_all()

    def _take(self) -> tuple[int, Frame] | None:
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
            order, self._taken = self._taken, self._taken + 1
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
            if self._overlay:
                overlay = self._model.paint(mask, frame.image, alpha=self._alpha)
        else:
            logits = self._model.infer(tensor)
            inferred = time.perf_counter()
            if self._overlay:
                mask = np.empty((height, width), np.uint8) if self._masks else None
                overlay = self._model.overlay(logits, frame.image, alpha=self._alpha, mask=mask)
            else:
                mask = self._model.mask(logits, width, height)
        done = time.perf_counter()
        seconds = {
            "capture": frame.seconds,
            "prepare": prepared - started,
            "infer": inferred - prepared,
            "kernel": done - inferred,
        }
        if not self._masks:
            mask = None
        return Result(
            frame.index, frame.image, mask, overlay, frame.timestamp, frame.captured, done, seconds, frame.name
        )


def stream(
    model: Model,
    source: Input | Source,
    *,
    mode: Mode = "throughput",
    workers: int | None = None,
    overlay: bool = False,
    masks: bool = True,
    alpha: float = 0.5,
    max_frames: int | None = None,
    queue: int | None = None,
    timeout: float = 10.0,
) -> Stream:
    """Segments every frame of a file, or the newest frames of a live source, and gives the results in order.

    Args:
        model: best loaded with `engine_threads(mode)` threads.
        source: whatever `open_source` takes, or an open source; the stream closes it.
        mode: "throughput" segments as many frames at once as cores and the model's threads allow; "latency" one.
        workers: how many frames at once, instead of what the mode says.
        overlay: compute overlays.
        masks: compute masks.
        alpha: weight of the classes' colours in an overlay, 0 to 1.
        max_frames: stop after so many.
        queue: finished results that may wait for the caller; 2 a worker by default, 1 in latency mode.
        timeout: seconds that a live source may take to open, and to give each frame.

    Raises:
        UsageError: an argument is out of range.
        SourceError: the source cannot be opened or gives no frame.
    """
    if mode not in ("throughput", "latency"):
        raise UsageError(f'mode is {mode!r}, expected "throughput" or "latency"')
    if not (overlay or masks):
        raise UsageError("neither masks nor overlays are asked for; ask for one of them")
    for name, value in (("workers", workers), ("max_frames", max_frames), ("queue", queue)):
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}, expected at least 1")
    if not 0 <= alpha <= 1:
        raise UsageError(f"alpha is {alpha:g}, expected 0 (the frame alone) to 1 (the colours alone)")
    cores = available_cores()
    if workers is None:
        workers = 1 if mode == "latency" else max(1, cores // max(1, model.threads))
    if not isinstance(source, Source):
        # A lone worker leaves decoding to a thread that runs ahead; many workers need more than one core's decoding.
        decoders = min(2, cores) if workers == 1 else 1 + cores // 8
        source = open_source(source, timeout=timeout, decoder_threads=decoders)
    waiting = queue or (1 if mode == "latency" else 2 * workers)
    return Stream(
        model,
        source,
        workers=workers,
        waiting=waiting,
        overlay=overlay,
        masks=masks,
        alpha=alpha,
        max_frames=max_frames,
    )
