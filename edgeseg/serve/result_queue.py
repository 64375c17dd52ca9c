"""Results of a camera on their way to a thread of a sink, which may be slower: a few wait, and nobody waits for it."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class ResultQueue(Generic[Item]):
    """Items in order, with gaps between them; of too many, the oldest are lost.

    Attributes:
        lost: items that came faster than they were taken.
    """

    def __init__(self, most: int) -> None:
        """Is empty; `most` items may wait."""
        self.lost = 0
        self._most = most
        self._items: deque[Item | None] = deque()  # None: a gap
        self._change = threading.Condition()  # guards the items
        self._closed = False

    def __len__(self) -> int:
        """Items and gaps that wait."""
        return len(self._items)

    def put(self, item: Item) -> None:
        """Adds one; it never waits."""
        with self._change:
            while len(self._items) >= self._most:  # gaps count too: a camera that flaps fills no memory
                self.lost += self._items.popleft() is not None
            self._items.append(item)
            self._change.notify()

    def gap(self) -> None:
        """What follows does not follow on what came before; several gaps in a row are one."""
        with self._change:
            if not self._items or self._items[-1] is not None:
                self._items.append(None)
                self._change.notify()

    def close(self) -> None:
        """There will be no more; what waits is still taken."""
        with self._change:
            self._closed = True
            self._change.notify()

    @property
    def over(self) -> bool:
        """Whether it is closed, and nothing waits."""
        with self._change:
            return self._closed and not self._items

    def take(self, seconds: float | None = None) -> Item | None:
        """The next item; None for a gap, where none came for so many seconds, or when it is over."""
        with self._change:
            self._change.wait_for(lambda: self._items or self._closed, seconds)
            return self._items.popleft() if self._items else None
