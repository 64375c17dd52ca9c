"""What a service prints for people and programs: lines of the log on stderr, JSON lines on stdout."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeseg.serve.service import Service

JOIN_SECONDS = 1.0
"""How long closing waits for a reader of stdout who does not read."""

THREAD = "edgeseg-report"
"""Name of the thread that writes to stdout."""


class Reporter:
    """Prints each event, and the status from time to time, until it is closed: {"event": ...} or {"status": ...}.

    A reader who has had enough does not end the service; one who is slow loses the oldest events.
    """

    def __init__(self, service: Service, every: float) -> None:
        """Starts to print.

        Args:
            service: whose events and status they are.
            every: seconds between two prints of the status.
        """
        self._service = service
        self._every = every
        self._subscription = service.events.subscribe("stdout")
        self._closed = False
        self._thread = threading.Thread(target=self._print, name=THREAD, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Prints what is left, and ends."""
        self._closed = True
        self._subscription.close()
        self._thread.join(JOIN_SECONDS)

    def _print(self) -> None:
        due = time.monotonic() + self._every
        try:
            while True:
                event = self._subscription.get(max(0.0, due - time.monotonic()))
                if event is not None:
                    _line({"event": event.to_json()})
                elif self._closed:
                    return
                if time.monotonic() >= due:
                    _line({"status": self._service.status().to_json()})
                    due = time.monotonic() + self._every  # what a slow reader missed is past
        except OSError:  # nobody reads it any more, nor what is left in the buffer when the process ends
            self._subscription.close()
            with Path(os.devnull).open("wb") as nothing:
                os.dup2(nothing.fileno(), sys.stdout.fileno())


class LogFormat(logging.Formatter):
    """One line a record: time=... level=..., and what the event log or another part of edgeseg says."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; what would break it is written out."""
        message = record.getMessage()
        words = message if record.name == "edgeseg.serve" else f"text={json.dumps(message)}"
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"time={stamp}.{int(record.msecs):03d}Z level={record.levelname.lower()} {words}"


@contextmanager
def log_to_stderr() -> Iterator[None]:
    """Within the block, what edgeseg logs goes to stderr, from INFO on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormat())
    log = logging.getLogger("edgeseg")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _line(data: object) -> None:
    sys.stdout.write(json.dumps(data, allow_nan=False) + "\n")
    sys.stdout.flush()
