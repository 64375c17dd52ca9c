"""The events of a camera's connection: one of each change, and not of every attempt that fails like the one before."""

from __future__ import annotations

from edgeseg.serve.event_log import EventLog
from edgeseg.video.supervised.status import Status

MOST_WARNINGS = 20
"""Sentences about what a source says of itself; one that runs for months has said enough by then."""


class ConnectionEvents:
    """Makes events of what a camera's connection says."""

    def __init__(self, camera: str, events: EventLog) -> None:
        self._camera = camera
        self._events = events
        self._told: tuple[object, ...] = ()
        self._warnings: set[str] = set()
        self._closed = False

    def tell(self, status: Status) -> None:
        """Takes each change."""
        news = status.state, status.cause if status.state == "reconnecting" else None, status.frozen
        if status.state == "connecting" or news == self._told or self._closed:
            return
        self._told = news
        texts = {
            "live": "frames come" + (", but the picture does not change" if status.frozen else ""),
            "stalled": f"{status.reason}; waiting as long again",
            "reconnecting": f"{status.reason}; trying again until it answers",
            "failed": status.reason or "it failed",
        }
        self._events.add("state", status.state, texts[status.state], self._camera)

    def warn(self, sentence: str) -> None:
        """Takes what the source says of itself."""
        if sentence not in self._warnings and len(self._warnings) < MOST_WARNINGS:
            self._warnings.add(sentence)
            self._events.add("service", "warning", sentence, self._camera)

    def close(self) -> None:
        """Says no more: what becomes of a camera that is being closed is no news."""
        self._closed = True
