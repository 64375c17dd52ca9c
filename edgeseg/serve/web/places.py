"""Long answers, events and video, which end when the client leaves or the server closes; and a bound on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

MOST = 64
"""Answers at one time."""

WAIT = 0.5
"""Seconds after which a wait is looked at again: for clients that have left, and the end of the server."""

T = TypeVar("T")


class Places:
    """One thread waits for each long answer, which asyncio cannot do for the threads of a service.

    Attributes:
        ended: all answers are to end, within WAIT.
    """

    def __init__(self) -> None:
        """None is in use, and no thread runs."""
        self.ended = False
        self._used = 0
        self._threads = ThreadPoolExecutor(MOST, "edgeseg-web-wait")

    @property
    def full(self) -> bool:
        """Whether no more are to be begun."""
        return self._used >= MOST or self.ended

    @contextmanager
    def place(self) -> Iterator[None]:
        """Holds one; to be entered only if it is not full."""
        self._used += 1
        try:
            yield
        finally:
            self._used -= 1

    async def wait(self, get: Callable[[float], T | None]) -> T | None:
        """What get(WAIT) returns, called by another thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, get, WAIT)

    def close(self) -> None:
        """Frees the threads, when no answer waits any more."""
        self._threads.shutdown(wait=False)
