"""What a recording is made of: pieces that follow a header, each whole in itself."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Header:
    """What a file begins with; pieces of another header go into another file.

    Attributes:
        data: bytes; of MP4 the `ftyp` and `moov` boxes.
        codec: of video by RFC 6381, such as avc1.42c01f; empty for anything else.
    """

    data: bytes
    codec: str = ""


@dataclass(frozen=True, eq=False)
class Piece:
    """A second of a recording, more or less.

    Attributes:
        track: what it is a part of; each track has files of its own.
        header: that it follows.
        data: bytes; of MP4 a `moof` box with its `mdat`.
        frames: in it.
        start: when its first frame was captured, in seconds since the epoch.
        captured: the same on time.perf_counter().
    """

    track: str
    header: Header
    data: bytes
    frames: int
    start: float
    captured: float


class PieceQueue:
    """Pieces that wait for a reader. Of more than it holds the oldest are lost, and counted."""

    def __init__(self, length: int) -> None:
        """Makes it, for so many pieces."""
        self._pieces: deque[Piece] = deque()
        self._length = length
        self._change = threading.Condition()
        self._closed = False
        self.lost: dict[str, int] = {}

    def put(self, piece: Piece) -> None:
        """Adds one; it never waits."""
        with self._change:
            if self._closed:
                return
            self._pieces.append(piece)
            if len(self._pieces) > self._length:
                self.lose(self._pieces.popleft())
            self._change.notify()

    def lose(self, piece: Piece) -> None:
        """Counts the frames of a piece that comes to nothing, by its track."""
        with self._change:
            self.lost[piece.track] = self.lost.get(piece.track, 0) + piece.frames

    def next(self, timeout: float | None = None) -> Piece | None:
        """The oldest; None when there was none in so many seconds, or the queue is closed and empty."""
        with self._change:
            self._change.wait_for(lambda: self._pieces or self._closed, timeout)
            return self._pieces.popleft() if self._pieces else None

    def waiting(self) -> tuple[Piece, ...]:
        """All that wait, oldest first; they stay."""
        with self._change:
            return tuple(self._pieces)

    def close(self) -> None:
        """Takes no more, and wakes whoever waits; what is in it can still be had."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    @property
    def closed(self) -> bool:
        """Whether it takes no more."""
        return self._closed
