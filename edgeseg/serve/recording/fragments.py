"""A camera as live video: fragments of H.264, encoded once for all who watch or record them, and only while some do."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np

from edgeseg.arrays import Image
from edgeseg.errors import EdgeSegError
from edgeseg.segmenter import Segmenter
from edgeseg.serve.recording.encoder import FragmentEncoder
from edgeseg.serve.recording.idle import Idle
from edgeseg.serve.recording.piece import Piece, PieceQueue
from edgeseg.video.model import Result

Kind = Literal["plain", "overlay", "confidence"]

KINDS: tuple[Kind, ...] = ("plain", "overlay", "confidence")

FRAMES = 8
"""Frames that wait for an encoder; of more, the oldest are lost."""

WAITING = 5
"""Fragments that wait for one who watches."""

_log = logging.getLogger("edgeseg.serve")


class FragmentSubscription:
    """One who watches: fragments in their order, of which a slow one loses the oldest.

    Attributes:
        codec: of the fragment that `get` gave last, such as avc1.42c01f; empty before the first.
        init: what has to come before that fragment, `ftyp` and `moov`; the same object as long as it is the same.
    """

    def __init__(self, pieces: PieceQueue, unsubscribe: Callable[[PieceQueue], None]) -> None:
        """Made by `LiveVideo.subscribe`."""
        self.codec = ""
        self.init = b""
        self._pieces, self._unsubscribe = pieces, unsubscribe

    def get(self, timeout: float | None = None) -> bytes | None:
        """The next fragment, a `moof` box with its `mdat`; None if there was none in so many seconds, or no more."""
        piece = self._pieces.next(timeout)
        if piece is None:
            return None
        self.codec, self.init = piece.header.codec, piece.header.data
        return piece.data

    def waiting(self) -> tuple[Piece, ...]:
        """The last fragments that were not got, oldest first; they stay: a ring of the past seconds."""
        return self._pieces.waiting()

    @property
    def lost(self) -> int:
        """Frames of the fragments that were lost as they were not got in time."""
        return sum(self._pieces.lost.values())

    def close(self) -> None:
        """Ends it and wakes a `get` that waits; more calls do nothing."""
        self._pieces.close()
        self._unsubscribe(self._pieces)


class LiveVideo:
    """The video of one camera, a sink of its results: plain, with its overlay, or its confidence as a picture.

    A kind has a thread and an encoder while somebody wants it. Confidence takes another inference of each frame.
    """

    def __init__(self, camera: str, model: Callable[[], Segmenter], fps: float) -> None:
        """Makes it; nothing is encoded yet.

        Args:
            camera: its name.
            model: returns what segments now; it may change.
            fps: expected, for the encoder's rate control.
        """

        def overlay(result: Result) -> Image:
            assert result.mask is not None
            return model().paint(result.mask, result.frame)

        pictures: dict[Kind, Callable[[Result], Image]] = {
            "plain": lambda result: result.frame,
            "overlay": overlay,
            "confidence": lambda result: confidence_picture(model(), result.frame),
        }
        self._channels = {kind: _Channel(camera, kind, pictures[kind], fps) for kind in KINDS}

    def put(self, result: Result, now: float) -> None:
        """Takes a result, as `edgeseg.serve.sink.Sink` says."""
        for channel in self._channels.values():
            channel.put(result, now)

    def gap(self) -> None:
        """Ends the present fragments: what follows is another piece of time."""
        for channel in self._channels.values():
            channel.gap()

    def subscribe(self, kind: Kind, length: int = WAITING) -> FragmentSubscription:
        """Watches from the next fragment on.

        Args:
            kind: of picture.
            length: fragments that may wait.
        """
        pieces = PieceQueue(length)
        self._channels[kind].connect(pieces, ending=True)
        return FragmentSubscription(pieces, lambda queue: self.disconnect(kind, queue))

    def connect(self, kind: Kind, pieces: PieceQueue) -> None:
        """Puts the fragments of a kind into a queue from now on, as the track of that name; it is never closed here."""
        self._channels[kind].connect(pieces, ending=False)

    def disconnect(self, kind: Kind, pieces: PieceQueue) -> None:
        """Ends what `connect` began; more calls do nothing."""
        self._channels[kind].disconnect(pieces)

    def lost(self, kind: Kind) -> int:
        """Frames that came faster than the encoder took them, or that it failed at."""
        return self._channels[kind].lost

    def idle(self, kind: Kind) -> float:
        """Seconds without a frame after which a kind's last fragment is finished as it is."""
        return self._channels[kind].idle.seconds

    def close(self, seconds: float) -> None:
        """Finishes the last fragments, within so many seconds, and ends all subscriptions."""
        for channel in self._channels.values():
            channel.end()
        for channel in self._channels.values():
            channel.join(seconds)


def confidence_picture(model: Segmenter, frame: Image) -> Image:
    """How sure the network is, as grey BGR uint8 (H, W, 3): black on the border between two classes, white where sure.

    A margin m of the two best logits becomes 255 tanh(m / 2): by the logistic function, the share of the better of the
    two minus that of the other. Of labels that may overlap, the one that is least sure counts.
    """
    margin = model.confidence(frame)
    if margin.ndim == 3:
        margin = margin.min(axis=0)
    grey = np.round(255 * np.tanh(margin / 2)).astype(np.uint8)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)


class _Channel:
    """One kind of picture: its subscribers, and the thread that encodes for them."""

    def __init__(self, camera: str, kind: Kind, picture: Callable[[Result], Image], fps: float) -> None:
        self._camera, self._kind, self._picture, self._fps = camera, kind, picture, fps
        self._change = threading.Condition()  # guards all that follows
        self._subscribers: dict[PieceQueue, bool] = {}  # and whether it ends with the video; replaced as a whole
        self._frames: deque[tuple[Result, float] | None] = deque()  # None: a gap
        self._thread: threading.Thread | None = None  # the last one that was started
        self._works = False  # that thread, until all is delivered
        self._closed = False
        self._failed = False
        self.lost = 0
        self.idle = Idle()

    def connect(self, pieces: PieceQueue, *, ending: bool) -> None:
        with self._change:
            if self._closed:
                if ending:
                    pieces.close()
                return
            self._subscribers = {**self._subscribers, pieces: ending}
            if not self._works:
                self._works = True
                self._thread = threading.Thread(
                    target=self._run, name=f"edgeseg-{self._camera}-{self._kind}", daemon=True
                )
                self._thread.start()

    def disconnect(self, pieces: PieceQueue) -> None:
        with self._change:
            self._subscribers = {each: ending for each, ending in self._subscribers.items() if each is not pieces}
            self._change.notify_all()

    def put(self, result: Result, now: float) -> None:
        with self._change:
            if not self._subscribers or self._closed:
                return
            if len(self._frames) >= FRAMES:
                self.lost += self._frames.popleft() is not None
            self._frames.append((result, now))
            self._change.notify_all()

    def gap(self) -> None:
        with self._change:
            if self._works and (not self._frames or self._frames[-1] is not None):
                self._frames.append(None)
                self._change.notify_all()

    def end(self) -> None:
        with self._change:
            self._closed = True
            self._change.notify_all()

    def join(self, seconds: float) -> None:
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        for each, ending in self._subscribers.items():
            if ending:
                each.close()

    def _run(self) -> None:
        """What the thread does, until nobody watches any more."""
        encoder: FragmentEncoder | None = None
        while True:
            with self._change:
                wait = None if encoder is None else self.idle.seconds
                ready = self._change.wait_for(lambda: self._frames or self._closed or not self._subscribers, wait)
                over = not self._subscribers or (self._closed and not self._frames)
                if over:
                    self._frames.clear()
                    if encoder is None:
                        self._works = False
                        return
                frame = self._frames.popleft() if ready and not over else None
            if encoder is not None and (frame is None or encoder.size != frame[0].frame.shape[:2]):
                self._finish(encoder)
                encoder = None
            if frame is not None:
                self.idle.see(frame[0].captured)
                encoder = self._encode(encoder, *frame)

    def _encode(self, encoder: FragmentEncoder | None, result: Result, now: float) -> FragmentEncoder | None:
        """Encodes a frame; what fails is counted, told once, and tried again with the next frame."""
        try:
            if encoder is None:
                height, width = result.frame.shape[:2]
                encoder = FragmentEncoder(self._kind, width, height, self._fps, self._deliver)
            encoder.write(self._picture(result), now, result.captured)
        except EdgeSegError as error:
            with self._change:
                self.lost += 1
            if not self._failed:
                self._failed = True
                _log.warning("the %s video of %s is not encoded: %s", self._kind, self._camera, error)
            if encoder is not None:
                self._finish(encoder)
            return None
        self._failed = False
        return encoder

    def _finish(self, encoder: FragmentEncoder) -> None:
        """Ends the encoder with its last fragment."""
        try:
            encoder.close()
        except EdgeSegError as error:
            _log.warning("the end of the %s video of %s is lost: %s", self._kind, self._camera, error)

    def _deliver(self, piece: Piece) -> None:
        for each in self._subscribers:
            each.put(piece)
