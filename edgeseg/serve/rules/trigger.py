"""When a number is too large for long enough, and no more: with hysteresis, so that noise does not switch it."""

from __future__ import annotations


class Trigger:
    """Begins when a number stays above one limit for a time, and ends when it stays at or below another for as long.

    Attributes:
        active: whether it holds.
    """

    def __init__(self, above: float, below: float, seconds: float) -> None:
        """It does not hold.

        Args:
            above: it begins when the number was more than this for `seconds`.
            below: it ends when the number was no more than this for `seconds`; at most `above`. "Less" would have no
                end where it is 0, which shares are never below.
            seconds: 0 or more.
        """
        self.active = False
        self._above, self._below, self._seconds = above, below, seconds
        self._since: float | None = None

    def update(self, value: float, now: float) -> bool:
        """Takes the number at a time, in seconds, that never goes back; whether `active` changed by it."""
        turning = value <= self._below if self.active else value > self._above
        if not turning:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        if now - self._since < self._seconds:
            return False
        self.active, self._since = not self.active, None
        return True

    def gap(self) -> None:
        """What the number was since the last update is not known: whatever has begun to count begins anew."""
        self._since = None
