"""What happened, in order: a bounded list that others may follow while it grows; each event is one line of the log."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

Kind = Literal["state", "rule", "drift", "recording", "service"]

LENGTH = 1000
"""Events that are kept."""

WAITING = 100
"""Events that wait for one subscriber; of more, the oldest are lost to him."""

_log = logging.getLogger("edgeseg.serve.events")


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        number: from 1, over the whole service.
        time: in UTC.
        camera: that it is about; None where it is about the service.
        kind: what it is about.
        name: the state that was entered, the rule, or another word for it.
        text: a sentence.
        active: whether a rule begins to hold or ends; None for what has no end.
        still: a picture of it.
        clip: a video of it, with the seconds before.
    """

    number: int
    time: datetime
    camera: str | None
    kind: Kind
    name: str
    text: str
    active: bool | None = None
    still: Path | None = None
    clip: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object; the time as ISO 8601 in UTC, and of still and clip the names without their folders."""
        return {
            "number": self.number,
            "time": self.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "camera": self.camera,
            "kind": self.kind,
            "name": self.name,
            "text": self.text,
            "active": self.active,
            "still": None if self.still is None else self.still.name,
            "clip": None if self.clip is None else self.clip.name,
        }

    def __str__(self) -> str:
        """One line: fields as name=value, a text with what would break the line written out."""
        fields: dict[str, object] = {"camera": self.camera, "kind": self.kind, "name": self.name, "active": self.active}
        fields |= {"still": self.still, "clip": self.clip}
        words = [f"{name}={_value(value)}" for name, value in fields.items() if value is not None]
        return " ".join([f"event={self.number}", *words, f"text={_quoted(self.text)}"])


class Subscription:
    """Events from the moment of subscribing on, for one reader.

    Attributes:
        lost: events that were dropped, as the reader was slow.
    """

    def __init__(self, log: EventLog, reader: str) -> None:
        self.lost = 0
        self._log, self._reader = log, reader
        self._arrival = threading.Condition()  # guards all that follows
        self._events: deque[Event] = deque()
        self._closed = False

    def get(self, timeout: float | None = None) -> Event | None:
        """The next event; None where none came within so many seconds, or the subscription is closed."""
        with self._arrival:
            self._arrival.wait_for(lambda: self._events or self._closed, timeout)
            return self._events.popleft() if self._events else None

    def close(self) -> None:
        """Ends it, and wakes who waits; more calls do nothing."""
        self._log._remove(self)
        with self._arrival:
            self._closed = True
            self._arrival.notify_all()

    def lose(self) -> None:
        """Counts an event that was taken and could not be told."""
        with self._log._lock:
            self._lose()

    def _lose(self) -> None:  # the log's lock is held
        self.lost += 1
        self._log._lost[self._reader] = self._log._lost.get(self._reader, 0) + 1

    def _put(self, event: Event) -> None:
        with self._arrival:
            if len(self._events) == WAITING:
                self._events.popleft()
                self._lose()
            self._events.append(event)
            self._arrival.notify_all()


class EventLog:
    """All events of a service; any thread may add some, and none waits for a reader."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all that follows
        self._events: deque[Event] = deque(maxlen=LENGTH)
        self._number = 0
        self._subscriptions: list[Subscription] = []
        self._lost: dict[str, int] = {}

    def add(
        self,
        kind: Kind,
        name: str,
        text: str,
        camera: str | None = None,
        active: bool | None = None,
        still: Path | None = None,
        clip: Path | None = None,
    ) -> Event:
        """Adds one, which happened now; the arguments are `Event`'s."""
        with self._lock:
            self._number += 1
            time = datetime.now(timezone.utc)
            event = Event(self._number, time, camera, kind, name, text, active, still, clip)
            self._events.append(event)
            for subscription in self._subscriptions:
                subscription._put(event)
        _log.info("%s", event)
        return event

    def newest(self, count: int) -> list[Event]:
        """The last `count` events at most, the oldest of them first."""
        with self._lock:
            return list(self._events)[max(0, len(self._events) - count) :]

    def lost(self) -> dict[str, int]:
        """Events that did not reach their readers, by kind of reader; without those that got all."""
        with self._lock:
            return dict(self._lost)

    def subscribe(self, reader: str) -> Subscription:
        """Follows what comes from now on; to be closed.

        Args:
            reader: its kind, by which what it loses is counted.
        """
        subscription = Subscription(self, reader)
        with self._lock:
            self._subscriptions.append(subscription)
        return subscription

    def _remove(self, subscription: Subscription) -> None:
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)


def _value(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if text.isprintable() and not any(each in ' "=\\' for each in text) and text else _quoted(text)


def _quoted(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in inner) + '"'
