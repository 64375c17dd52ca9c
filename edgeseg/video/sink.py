"""Output that overlaps with inference: one thread a sink, fed through a bounded queue."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edgeseg.errors import OutputError
from edgeseg.video.model import Result
from edgeseg.video.timing import Histogram

CAPACITY = 4
"""Results that may wait for a sink; then the stream waits too."""


class Writer(Protocol):
    """An output that is being written.

    Attributes:
        paths: what is finished; a folder whose files are finished one by one.
        warnings: one sentence for each thing that went otherwise than asked for.
    """

    paths: list[Path]
    warnings: list[str]

    def close(self) -> None:
        """Completes the output as far as it came; where nothing was written, nothing is left."""


class Sink:
    """Writes results in a thread of its own.

    Attributes:
        writer: what it writes to.
        seconds: that each result took to write.
        failure: why no more can be written; None as long as all goes well.
    """

    def __init__(self, writer: Writer, write: Callable[[Result], None]) -> None:
        """Starts the thread; `write` puts one result into `writer`."""
        self.seconds = Histogram()
        self.failure: OutputError | None = None
        self.writer = writer
        self._write = write
        self._waiting: deque[Result] = deque()
        self._change = threading.Condition()  # guards all but `seconds`
        self._closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="edgeseg-sink", daemon=True)
        self._thread.start()

    def put(self, result: Result) -> None:
        """Hands over a result, as soon as there is room. After a failure it is not written.

        Raises:
            BaseException: what a defect in the writer raised; an OutputError is a `failure` instead.
        """
        with self._change:
            while len(self._waiting) >= CAPACITY and self._thread.is_alive():
                self._change.wait(1.0)
            if self._error is not None:
                raise self._error
            if self.failure is None:
                self._waiting.append(result)
                self._change.notify_all()

    def close(self) -> None:
        """Writes what waits and completes the output, as far as it came; more calls do nothing.

        Raises:
            BaseException: as for `put`.
        """
        with self._change:
            if self._closed:
                return
            self._closed = True
            self._change.notify_all()
        self._thread.join()
        try:
            self.writer.close()
        except OutputError as error:
            self.failure = self.failure or error
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while (result := self._next()) is not None:
                start = time.perf_counter()
                self._write(result)
                del result  # or it would live on while the next one is awaited
                self.seconds.add(time.perf_counter() - start)
        except OutputError as error:
            self.failure = error
        except BaseException as error:  # it belongs to the thread that hands over results
            self._error = error
        finally:
            with self._change:
                self._waiting.clear()
                self._change.notify_all()

    def _next(self) -> Result | None:
        with self._change:
            while not self._waiting and not self._closed:
                self._change.wait()
            if not self._waiting:
                return None
            self._change.notify_all()
            return self._waiting.popleft()
