"""Where a camera's masks go: a recording, rules, the live page."""

from __future__ import annotations

from typing import Protocol

from edgeseg.video.model import Result


class Sink(Protocol):
    """One use of a camera's results. It has a thread of its own for what takes time."""

    def put(self, result: Result, now: float) -> None:
        """Takes a result, in the order of the frames, from one thread at a time.

        It never waits: what it cannot take it drops and counts.

        Args:
            result: with frame and mask; its overlay is None.
            now: of time.time(), the moment of the frame's capture as seconds since the epoch.
        """

    def gap(self) -> None:
        """Before the next result frames were missing: the connection was lost, or stalled, or the size changes."""

    def close(self, seconds: float) -> None:
        """Finishes what was begun, within so many seconds; nothing is put any more."""
