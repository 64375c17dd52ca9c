"""The frames of many connections, numbered and timed as those of one source."""

from __future__ import annotations

SHORTEST = 1e-3
"""Seconds between two frames of two connections; less is no time at all."""


class Numbering:
    """Numbers go on from one connection to the next; times leave a gap between them, as long as it was.

    Each connection begins at its true time, so that no error adds up.
    """

    def __init__(self) -> None:
        self._new = True  # no frame of this connection came yet
        self._shift = (0, 0.0)  # from its numbers and times to those of all
        self._last: tuple[int, float] | None = None
        self._origin = 0.0  # when the time 0 was, on the clock of `captured`

    def reconnect(self) -> None:
        """The next frame is the first of a new connection."""
        self._new = True

    def place(self, index: int, timestamp: float, captured: float) -> tuple[int, float]:
        """The number and time that a frame has among those of all connections.

        Args:
            index: its number in this connection.
            timestamp: its time in this connection, in seconds.
            captured: when it arrived, in seconds on the clock here.
        """
        if self._last is None:
            self._origin = captured - timestamp
        elif self._new:
            last_index, last_time = self._last
            start = max(captured - self._origin, last_time + SHORTEST)
            self._shift = last_index + 1 - index, start - timestamp
        self._new = False
        self._last = index + self._shift[0], timestamp + self._shift[1]
        return self._last
