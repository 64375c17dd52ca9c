"""Output that overlaps with inference: one thread a sink, fed through a bounded queue."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from edgeseg.video.model import Result
from edgeseg.video.timing import Histogram

CAPACITY = 4
"""Results that may wait for a sink; then the stream waits too."""


class Writer(Protocol):
    """What finishes or abandons an output."""

    def close(self) -> None:
        """Completes the output."""

    def discard(self) -> None:
        """Removes what is incomplete."""


class Sink:
    """Writes results in a thread of its own. Leaving the block completes the output; an error discards it."""

    def __init__(self, writer: Writer, write: Callable[[Result], None]) -> None:
        """Starts the thread; `write` puts one result into `writer`."""
        self.seconds = Histogram()
        self._writer = writer
        self._write = write
        self._waiting: deque[Result] = deque()
        self._change = threading.Condition()  # guards _waiting, _closed and _error
        self._closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="edgeseg-sink", daemon=True)
        self._thread.start()

    def put(self, result: Result) -> None:
        """Hands over a result, as soon as there is room.

        Raises:
            OutputError: an earlier one could not be written.
        """
        with self._change:
            while len(self._waiting) >= CAPACITY and self._error is None:
                self._change.wait()
            self._raise()
            self._waiting.append(result)
            self._change.notify_all()

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._change:
            self._closed = True
            if kind is not None:
                self._waiting.clear()
            self._change.notify_all()
        self._thread.join()
        if kind is not None or self._error is not None:
            self._writer.discard()
        if kind is None:
            self._raise()
            self._writer.close()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while (result := self._next()) is not None:
                started = time.perf_counter()
                self._write(result)
                del result  # or it would live on while the next one is awaited
                self.seconds.add(time.perf_counter() - started)
        except BaseException as error:  # it belongs to the thread that hands over results
            with self._change:
                self._error = error
                self._change.notify_all()

    def _next(self) -> Result | None:
        with self._change:
            while not self._waiting and not self._closed:
                self._change.wait()
            if not self._waiting:
                return None
            self._change.notify_all()
            return self._waiting.popleft()
