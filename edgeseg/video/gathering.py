"""Frames between the thread that reads them and the workers: each takes those that are there, in order."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Gathering(Generic[T]):
    """A queue of which several items are taken at once. Several threads may take."""

    def __init__(self, most: int, wait: float) -> None:
        """An empty one.

        Args:
            most: items that are taken at once.
            wait: seconds that an item may wait for others, where there are fewer.
        """
        self._most = most
        self._wait = wait
        self._change = threading.Condition()  # guards all that follows
        self._items: deque[tuple[float, T]] = deque()  # with the time until which each may wait
        self._finished = False

    def put(self, item: T) -> None:
        """Adds an item."""
        with self._change:
            self._items.append((time.perf_counter() + self._wait, item))
            self._change.notify_all()

    def finish(self) -> None:
        """Says that no more items come."""
        with self._change:
            self._finished = True
            self._change.notify_all()

    def clear(self) -> None:
        """Drops all items, and takes no more."""
        with self._change:
            self._items.clear()
            self._change.notify_all()

    def take(self) -> list[T]:
        """The next items, oldest first, as soon as there are `most`, or the oldest has waited; none at the end."""
        with self._change:
            while not self._finished and len(self._items) < self._most:
                left = self._items[0][0] - time.perf_counter() if self._items else None
                if left is not None and left <= 0:
                    break
                self._change.wait(left)
            return [self._items.popleft()[1] for _ in range(min(self._most, len(self._items)))]
