"""The time of a simulation: events one after the other, and servers that take one job after the other.

No simulation library is used: they make each task a generator, and half a million tasks then take minutes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any


class Clock:
    """Events in the order of their time; of one time, in the order in which they were planned.

    Attributes:
        now: seconds since the beginning.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._planned = 0

    def at(self, time: float, action: Callable[..., None], *arguments: Any) -> None:
        """Plans an event."""
        self._planned += 1
        heapq.heappush(self._events, (time, self._planned, action, arguments))

    def go_on(self) -> None:
        """To the next event, which happens."""
        self.now, _, action, arguments = heapq.heappop(self._events)
        action(*arguments)


class Queue:
    """A server that takes one after the other.

    Attributes:
        busy: seconds so far.
    """

    def __init__(self) -> None:
        self.busy = 0.0
        self._free = 0.0

    def take(self, now: float, seconds: float) -> float:
        """When a job that comes now is done. Jobs are to come in the order of time."""
        self._free = max(now, self._free) + seconds
        self.busy += seconds
        return self._free
