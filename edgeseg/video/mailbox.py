"""Where the newest frame of a live source waits for whoever asks next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict

from edgeseg.errors import LostError
from edgeseg.video.source import Frame, Skipped


class Mailbox:
    """Holds one frame between the thread that reads and the one that asks.

    Attributes:
        closed: no more frames are taken.
    """

    def __init__(self, skipped: Skipped, arrived: Callable[[], None] = lambda: None) -> None:
        """An empty one.

        Args:
            skipped: where every frame is counted that was put in and not taken out.
            arrived: called after a frame was put in, or it was said that none comes, by the thread that did.
        """
        self.closed = False
        self._arrived = arrived
        self._skipped = skipped
        self._arrival = threading.Condition()  # guards all that follows
        self._newest: Frame | None = None
        self._finished = False
        self._consumed = False  # a second frame was asked for: from then on a replaced one is a drop
        self._error: BaseException | None = None

    def put(self, frame: Frame, skipped: Skipped) -> None:
        """Replaces the frame that waits; `skipped` are those that were lost before it came."""
        with self._arrival:
            self._count(skipped)
            if self._newest is not None and self._consumed:
                self._skipped.replaced += 1
            elif self._newest is not None:
                self._skipped.before_start += 1
            self._newest = frame
            if self.closed:
                self._discard()
            self._arrival.notify_all()
        self._arrived()

    def put_back(self, frame: Frame) -> None:
        """Returns the first frame, unless a newer one is there by now."""
        with self._arrival:
            if self._newest is None and not self.closed:
                self._newest = frame
            else:
                self._skipped.before_start += 1

    def finish(self, error: BaseException | None) -> None:
        """Says that no more frames come, and what was in the way."""
        with self._arrival:
            self._finished = True
            self._error = error
            self._arrival.notify_all()
        self._arrived()

    def count(self, skipped: Skipped) -> None:
        """Counts frames that were lost, where none comes after them."""
        with self._arrival:
            self._count(skipped)

    def take(self, timeout: float | None, *, first: bool) -> tuple[Frame | None, LostError | None]:
        """The frame, as soon as there is one; else why there is none, or no reason when it was closed.

        Args:
            timeout: seconds to wait; None: for ever.
            first: whether it is the first that is asked for.

        Raises:
            BaseException: what the reader raised, unless it lost its source.
        """
        with self._arrival:
            self._consumed = not first
            in_time = self._arrival.wait_for(lambda: self._newest or self._finished or self.closed, timeout)
            frame, self._newest = self._newest, None
            if frame is not None or self.closed:
                return frame, None
            if isinstance(self._error, LostError):
                return None, self._error
            if self._error is not None:
                raise self._error
            if in_time:
                return None, LostError("gave no more frames", cause="closed")
            return None, LostError(f"gave no frame for {timeout:g} s", cause="timeout")

    def close(self) -> None:
        """Takes no more frames, and wakes who waits; more calls do nothing."""
        with self._arrival:
            self.closed = True
            self._discard()
            self._arrival.notify_all()

    def _count(self, skipped: Skipped) -> None:
        """Adds to what is counted, with the lock held."""
        for name, number in asdict(skipped).items():
            setattr(self._skipped, name, getattr(self._skipped, name) + number)

    def _discard(self) -> None:
        """Counts the frame that nobody will ask for any more; with the lock held."""
        self._skipped.at_end += self._newest is not None
        self._newest = None
