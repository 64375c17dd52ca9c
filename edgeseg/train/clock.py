"""The time that a run spends on steps, for its speed, its record and its checkpoints."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Starts with what this process does of the run; what is `paused`, as validation, does not count.

    Args:
        step: the run's first step in this process.
    """

    def __init__(self, step: int) -> None:
        self._first = step
        self._start = self._saved = time.monotonic()

    def seconds(self) -> float:
        """Spent so far."""
        return time.monotonic() - self._start

    def rate(self, step: int) -> float:
        """Steps a second, up to `step`."""
        return (step - self._first) / self.seconds()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Around what is no step."""
        begin = time.monotonic()
        yield
        self._start += time.monotonic() - begin

    def since_checkpoint(self) -> float:
        """Seconds since `checkpoint` was called last; at first, since the start."""
        return time.monotonic() - self._saved

    def checkpoint(self) -> None:
        """Notes that a checkpoint was written now."""
        self._saved = time.monotonic()
