"""How long a camera may give no frame before what there is of its recording is finished as it is."""

from __future__ import annotations

SHORTEST, LONGEST = 2.0, 60.0
"""Seconds."""

FRAMES = 3
"""Intervals without a frame after which none is expected soon."""


class Idle:
    """Follows the interval of a camera's frames: of one that gives few, each would be a file of its own."""

    def __init__(self) -> None:
        """Knows no frame yet."""
        self._interval = 0.0
        self._last: float | None = None

    @property
    def seconds(self) -> float:
        """To wait for the next frame."""
        return min(LONGEST, max(SHORTEST, FRAMES * self._interval))

    def see(self, captured: float) -> None:
        """Takes a frame's time, in seconds."""
        self._interval = 0.0 if self._last is None else captured - self._last
        self._last = captured
