"""Live sources: a thread of its own reads every frame, the newest one waits, older ones are counted as dropped.

Reading all the time keeps the driver's and the network's buffers empty, so the delay does not grow; and a read
that never returns blocks this thread only, so that the caller gets a time-out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from edgeseg.arrays import Image
from edgeseg.errors import SourceError
from edgeseg.video.source import Ended, Frame, Source

JOIN_SECONDS = 1.0
"""How long closing waits for a read that may never return; the thread then ends with the process."""


class Reading(NamedTuple):
    """One frame as its device gave it: BGR uint8 (H, W, 3), seconds, perf_counter at arrival, seconds to decode."""

    image: Image
    timestamp: float
    captured: float
    seconds: float


class LiveSource(Source):
    """Keeps the newest frame of a reader, and gives it to whoever asks next."""

    live = True

    def __init__(
        self,
        name: str,
        read: Callable[[], Reading | None],
        release: Callable[[], None],
        *,
        fps: Fraction | None,
        timeout: float,
    ) -> None:
        """Starts reading.

        Args:
            name: for messages, without credentials.
            read: blocks until the next frame; None when there will be no more.
            release: frees the device; called once, by the thread that reads.
            fps: the announced rate.
            timeout: seconds to wait for a frame.

        Raises:
            SourceError: no frame came in time.
        """
        super().__init__(name, fps=fps)
        self._read_device = read
        self._release = release
        self._timeout = timeout
        self._arrival = threading.Condition()
        self._newest: Frame | None = None
        self._finished = False
        self._closed = False
        self._consumed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._capture, name="edgeseg-live", daemon=True)
        self._thread.start()
        self._decode_first()
        with self._arrival:
            if self._newest is None:
                self._newest = self._first
            else:  # by the time anybody asks, a newer one is there
                self.skipped.before_start += 1
            self._first = None

    def _capture(self) -> None:
        index = 0
        last: Reading | None = None
        try:
            while not self._closed and (reading := self._read_device()) is not None:
                if last is not None and reading.timestamp <= last.timestamp:
                    # Some drivers give no timestamps, and some begin again: our own clock goes on from there.
                    reading = reading._replace(timestamp=last.timestamp + reading.captured - last.captured)
                last = reading
                with self._arrival:
                    if self._newest is not None and self._consumed:
                        self.skipped.replaced += 1
                    elif self._newest is not None:
                        self.skipped.before_start += 1
                    self._newest = Frame(index, *reading)
                    self._arrival.notify()
                index += 1
        except BaseException as error:  # the reader's error belongs to the thread that asks for frames
            self._error = error
        finally:
            self._release()
            with self._arrival:
                self._finished = True
                if self._closed:
                    self._discard()
                self._arrival.notify_all()

    def _read(self) -> Frame | None:
        with self._arrival:
            self._consumed = self.width > 0
            in_time = self._arrival.wait_for(lambda: self._newest or self._finished or self._closed, self._timeout)
            if self.ended is None:
                frame, self._newest = self._newest, None
            else:
                frame = None
        if frame is not None or self.ended is not None:
            return frame
        if self._closed:
            self.ended = Ended("interrupted")
        elif self._error is not None:
            raise self._error
        else:
            self._broke_off("gave no more frames" if in_time else f"gave no frame for {self._timeout:g} s")
        return None

    def _broke_off(self, reason: str) -> None:
        """Before the first frame this is an error; later, what was recorded is worth keeping."""
        if not self.width:
            self.close()
            raise SourceError(f"{self.name} {reason}, expected a picture; does it send, does another program use it?")
        self.ended_early = True
        self.ended = Ended("lost", f"{self.name} {reason}")
        self.warnings.append(f"{self.name} {reason}: the stream ended there; what came before is kept")
        with self._arrival:
            self._finished = True

    def close(self) -> None:
        """Ends the reading thread; one that is stuck in the driver is left to the end of the process."""
        with self._arrival:
            if self._closed:
                return
            self._closed = True
            self._discard()
            self._arrival.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(JOIN_SECONDS)

    def _discard(self) -> None:
        """Counts the frame that nobody will ask for any more; with the lock held."""
        self.skipped.at_end += self._newest is not None
        self._newest = None
