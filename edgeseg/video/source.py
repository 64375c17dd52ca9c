"""What a source of frames is; `open.py` finds the one that a name means."""

from __future__ import annotations

import atexit
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from edgeseg.arrays import Image
from edgeseg.errors import FrameError, SourceError
from edgeseg.redact import redact
from edgeseg.video.supervised.status import Connection

NOMINAL_FPS = Fraction(25)
"""The rate at which images and arrays play, which have no rate of their own."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source.

    Attributes:
        index: counts the source's pictures from 0; a live source skips the numbers of the frames it dropped.
        image: BGR uint8 (H, W, 3).
        timestamp: seconds on the source's own clock.
        captured: time.perf_counter() when it arrived (live: its packet or the driver's buffer, before decoding), or
            when reading it began (all others).
        seconds: spent reading and decoding it; a live source's wait for it does not count.
        name: an image file's name without its extension.
        gaps: stretches without a frame that came before it, by stalls and losses of a source that is connected again.
    """

    index: int
    image: Image
    timestamp: float
    captured: float
    seconds: float
    name: str | None = None
    gaps: int = 0


class Ended(NamedTuple):
    """Why a source gives no more frames.

    Attributes:
        how: "end_of_file": all that it had was read; "interrupted": it was closed before, or a signal came; "lost": it
            broke off; "stopped": as many frames were read as were asked for, or its user had enough.
        reason: for people: why it was lost or stopped, the signal's name; None where there is nothing to add.
    """

    how: Literal["end_of_file", "interrupted", "lost", "stopped"]
    reason: str | None = None


@dataclass
class Skipped:
    """Frames of a live source that arrived and were never handed over, by cause.

    Attributes:
        before_start: a newer one replaced them before anybody had asked for a second frame: nobody was late.
        replaced: a newer one replaced them before they were asked for.
        at_end: they were waiting when the source was closed.
        damaged: they could not be decoded.
    """

    before_start: int = 0
    replaced: int = 0
    at_end: int = 0
    damaged: int = 0


S = TypeVar("S", bound="Source")

_OPEN: weakref.WeakSet[Source] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Threads in native code must not outlive the interpreter: it would abort the process."""
    for source in list(_OPEN):
        source.close()


class Source(ABC):
    """An iterator over frames, read once. The first frame is decoded when the source is opened.

    Attributes:
        name: as messages call it, credentials removed.
        live: frames arrive on their own clock, and only the newest is kept.
        still: a single image.
        fps: the rate it announces, None if it announces none.
        frame_count: how many frames it announces, None if it cannot know; a clock that begins anew may correct it.
        width: of its first frame, in pixels.
        height: of its first frame, in pixels.
        skipped: frames that were not handed over, by cause; none unless live.
        ended: why it gives no more frames, None as long as it may; `_read` sets it before it returns None, unless
            the file has ended.
        cause: one word for why it was lost; None unless it was.
        ended_early: it gave fewer frames than it announced, or broke off.
        warnings: one sentence for each thing that went wrong and did not end the work.
    """

    live = False
    still = False

    def __init__(self, name: str, *, fps: Fraction | None = None, frame_count: int | None = None) -> None:
        self.name = name
        self.fps = fps
        self.frame_count = frame_count
        self.width = 0
        self.height = 0
        self.skipped = Skipped()
        self.ended: Ended | None = None
        self.cause: str | None = None
        self.ended_early = False
        self.warnings: list[str] = []
        self._first: Frame | None = None
        _OPEN.add(self)

    @property
    def dropped(self) -> int:
        """Frames that a newer one replaced before they were asked for; 0 unless live."""
        return self.skipped.replaced

    @property
    def connection(self) -> Connection | None:
        """What became of its connection; None unless it is one that is connected again."""
        return None

    @abstractmethod
    def _read(self) -> Frame | None:
        """The next frame; None at the end, where it stays None."""

    @abstractmethod
    def close(self) -> None:
        """Frees the device or file, and wakes a thread that waits for a frame; more calls do nothing."""

    def _decode_first(self) -> None:
        """Reads the first frame ahead, so that a source without one fails on opening.

        Raises:
            SourceError: there is no frame.
        """
        self._first = self._read()
        if self._first is None:
            self.close()
            if self.ended is not None and self.ended.how == "lost" and self.ended.reason is not None:
                raise SourceError(self.ended.reason, cause=self.cause or "closed")
            raise SourceError(f"{self.name} gave no frame, expected at least one; check that it plays elsewhere")
        self.height, self.width = self._first.image.shape[:2]

    def __iter__(self) -> Source:
        return self

    def __next__(self) -> Frame:
        frame, self._first = self._first, None
        if frame is None:
            frame = self._read()
        elif not self.live:
            frame = replace(frame, captured=time.perf_counter() - frame.seconds)
        if frame is None:
            self.ended = self.ended or Ended("end_of_file")
            raise StopIteration
        return frame

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ArraySource(Source):
    """Frames that the caller's iterable gives: BGR uint8 (H, W, 3) arrays.

    Each is copied: cameras' libraries give one memory again and again, and it is filled anew while frames wait here.
    """

    def __init__(self, images: Iterable[Image]) -> None:
        super().__init__("the iterable of frames", fps=NOMINAL_FPS)
        self._images = iter(images)
        self._index = 0
        self._decode_first()

    def _read(self) -> Frame | None:
        start = time.perf_counter()
        image: Any = next(self._images, None)
        if image is None:
            return None
        if not (isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3):
            kind = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise FrameError(f"frame {self._index} is {kind}, expected a uint8 array (height, width, 3) in BGR")
        index, self._index = self._index, self._index + 1
        return Frame(index, np.array(image, order="C"), float(index / NOMINAL_FPS), start, time.perf_counter() - start)

    def close(self) -> None:
        """Nothing to free: the iterable is the caller's."""


def check_file(path: Path) -> None:
    """Raises SourceError unless `path` is a regular file that is not empty, and OSError if it may not be read."""
    if not path.exists():
        name = redact(str(path))
        raise SourceError(
            f"{name} does not exist, expected a video, an image, a folder of images or a URL (rtsp://HOST/PATH); check "
            "the path"
        )
    if not path.is_file():
        raise SourceError(
            f"{path} is a device or pipe, expected a regular file; a camera is its number or /dev/videoN, or a link"
        )
    with path.open("rb") as file:
        empty = not file.read(1)
    if empty:
        raise SourceError(f"{path} is empty (0 bytes), expected a video or an image; copy it again")
