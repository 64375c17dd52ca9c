"""A value that is made when it is asked for, but not for every one who asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

SECONDS = 0.2
"""That a value serves."""

T = TypeVar("T")


class Recent(Generic[T]):
    """Calls a function at most every SECONDS; for one thread."""

    def __init__(self, make: Callable[[], T]) -> None:
        """Of what this function returns."""
        self._make = make
        self._made: tuple[float, T] | None = None

    def __call__(self) -> T:
        """The value, which is SECONDS old at most."""
        now = time.monotonic()
        if self._made is None or now - self._made[0] > SECONDS:
            self._made = now, self._make()
        return self._made[1]
