"""Live sources: a thread of its own reads every frame, the newest one waits, older ones are counted as dropped.

Reading all the time keeps the driver's and the network's buffers empty, so the delay does not grow; and a read
that never returns blocks this thread only, so that the caller gets a time-out.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from edgeseg.arrays import Image
from edgeseg.errors import LostError, SourceError
from edgeseg.video.clock import Clock
from edgeseg.video.source import Ended, Frame, Skipped, Source

JOIN_SECONDS = 1.0
"""How long closing waits for a read that may never return; the thread then ends with the process."""


class Reading(NamedTuple):
    """One frame as its device gave it.

    Attributes:
        image: BGR uint8 (H, W, 3).
        timestamp: seconds on the device's clock; None where it has none.
        captured: time.perf_counter() when it arrived, before decoding.
        seconds: spent decoding it.
        damaged: frames since the one before that could not be decoded.
    """

    image: Image
    timestamp: float | None
    captured: float
    seconds: float
    damaged: int = 0


class LiveSource(Source):
    """Keeps the newest frame of a reader, and gives it to whoever asks next.

    One that nobody holds any more closes itself.
    """

    live = True

    def __init__(
        self,
        name: str,
        read: Callable[[], Reading | None],
        release: Callable[[], None],
        *,
        fps: Fraction | None,
        timeout: float,
        timed: bool = True,
    ) -> None:
        """Starts reading.

        Args:
            name: for messages, without credentials.
            read: blocks until the next frame; None when there will be no more; raises LostError, with a sentence that
                goes on after the name, when the source broke off.
            release: frees the device; called once, by the thread that reads.
            fps: the announced rate.
            timeout: seconds to wait for a frame.
            timed: whether frames have time stamps.

        Raises:
            SourceError: no frame came in time.
        """
        super().__init__(name, fps=fps)
        self._timeout = timeout
        self._mailbox = _Mailbox(self.skipped)
        clock = Clock(name, self.warnings, timed=timed)
        self._thread = threading.Thread(
            target=_capture, args=(self._mailbox, read, release, clock), name="edgeseg-live", daemon=True
        )
        self._thread.start()
        weakref.finalize(self, self._mailbox.close).atexit = False  # then it is _close_all's work
        self._decode_first()
        first, self._first = self._first, None
        assert first is not None
        self._mailbox.put_back(first)

    def _read(self) -> Frame | None:
        if self.ended is not None:
            return None
        frame, reason = self._mailbox.take(self._timeout, first=self.width == 0)
        if frame is None and reason is None:
            self.ended = Ended("interrupted")
        elif frame is None:
            self._broke_off(str(reason))
        return frame

    def _broke_off(self, reason: str) -> None:
        """Before the first frame this is an error; later, what was recorded is worth keeping."""
        if not self.width:
            self.close()
            raise SourceError(f"{self.name} {reason}, expected a picture; does it send, does another program use it?")
        self.ended_early = True
        self.ended = Ended("lost", f"{self.name} {reason}")
        self.warnings.append(f"{self.name} {reason}: the stream ended there; what came before is kept")
        self._mailbox.close()

    def close(self) -> None:
        """Ends the reading thread; one that is stuck in the driver is left to the end of the process."""
        self._mailbox.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(JOIN_SECONDS)


class _Mailbox:
    """Holds one frame between the thread that reads and the one that asks."""

    def __init__(self, skipped: Skipped) -> None:
        self.closed = False
        self._skipped = skipped
        self._arrival = threading.Condition()  # guards all that follows
        self._newest: Frame | None = None
        self._finished = False
        self._consumed = False  # a second frame was asked for: from then on a replaced one is a drop
        self._error: BaseException | None = None

    def put(self, frame: Frame, damaged: int) -> None:
        """Replaces the frame that waits."""
        with self._arrival:
            self._skipped.damaged += damaged
            if self._newest is not None and self._consumed:
                self._skipped.replaced += 1
            elif self._newest is not None:
                self._skipped.before_start += 1
            self._newest = frame
            if self.closed:
                self._discard()
            self._arrival.notify_all()

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

    def take(self, timeout: float, *, first: bool) -> tuple[Frame | None, str | None]:
        """The frame, as soon as there is one; else why there is none, or no reason when it was closed.

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
                return None, str(self._error)
            if self._error is not None:
                raise self._error
            return None, "gave no more frames" if in_time else f"gave no frame for {timeout:g} s"

    def close(self) -> None:
        """Takes no more frames, and wakes who waits; more calls do nothing."""
        with self._arrival:
            self.closed = True
            self._discard()
            self._arrival.notify_all()

    def _discard(self) -> None:
        """Counts the frame that nobody will ask for any more; with the lock held."""
        self._skipped.at_end += self._newest is not None
        self._newest = None


def _capture(
    mailbox: _Mailbox, read: Callable[[], Reading | None], release: Callable[[], None], clock: Clock
) -> None:
    """The life of the thread that reads. It does not know the source, which may go while it is blocked."""
    index = 0
    error: BaseException | None = None
    try:
        while not mailbox.closed and (reading := read()) is not None:
            image, timestamp, captured, seconds, damaged = reading
            mailbox.put(Frame(index, image, clock.at(timestamp, captured), captured, seconds), damaged)
            del reading, image
            index += 1
    except BaseException as caught:  # it belongs to the thread that asks for frames
        error = caught
    finally:
        release()
        mailbox.finish(error)
