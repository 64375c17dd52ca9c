"""Live sources: a thread of its own reads every frame, the newest one waits, older ones are counted as dropped.

Reading all the time keeps the driver's and the network's buffers empty, so the delay does not grow; and a read
that never returns blocks this thread only, so that the caller gets a time-out.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from edgeseg.arrays import Image
from edgeseg.errors import SourceError
from edgeseg.video.clock import Clock
from edgeseg.video.mailbox import Mailbox
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
        warnings: sentences on the source that were not given before.
    """

    image: Image
    timestamp: float | None
    captured: float
    seconds: float
    damaged: int = 0
    warnings: Sequence[str] = ()


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
        self._mailbox = Mailbox(self.skipped)
        clock = Clock(name, self.warnings, timed=timed)
        self._thread = threading.Thread(
            target=_capture,
            args=(self._mailbox, read, release, clock, self.warnings),
            name="edgeseg-live",
            daemon=True,
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
        frame, error = self._mailbox.take(self._timeout, first=self.width == 0)
        if frame is None and error is None:
            self.ended = Ended("interrupted")
        elif error is not None:
            self._broke_off(str(error), error.cause)
        return frame

    def _broke_off(self, reason: str, cause: str) -> None:
        """Before the first frame this is an error; later, what was recorded is worth keeping."""
        if not self.width:
            self.close()
            raise SourceError(
                f"{self.name} {reason}, expected a picture; does it send, does another program use it?", cause=cause
            )
        self.ended_early = True
        self.cause = cause
        self.ended = Ended("lost", f"{self.name} {reason}")
        self.warnings.append(f"{self.name} {reason}: the stream ended there; what came before is kept")
        self._mailbox.close()

    def close(self) -> None:
        """Ends the reading thread; one that is stuck in the driver is left to the end of the process."""
        self._mailbox.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(JOIN_SECONDS)


def _capture(
    mailbox: Mailbox,
    read: Callable[[], Reading | None],
    release: Callable[[], None],
    clock: Clock,
    warnings: list[str],
) -> None:
    """The life of the thread that reads. It does not know the source, which may go while it is blocked."""
    index = 0
    error: BaseException | None = None
    try:
        while not mailbox.closed and (reading := read()) is not None:
            image, timestamp, captured, seconds, damaged, new = reading
            warnings += new
            mailbox.put(Frame(index, image, clock.at(timestamp, captured), captured, seconds), Skipped(damaged=damaged))
            del reading, image
            index += 1
    except BaseException as caught:  # it belongs to the thread that asks for frames
        error = caught
    try:
        release()
    except BaseException as caught:
        error = error or caught  # the first one is the cause
    mailbox.finish(error)
