"""What a service prints for people and programs: lines of the log on stderr, JSON lines on stdout."""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from edgeseg.serve.service import Service

JOIN_SECONDS = 1.0
"""How long closing waits for a reader of stdout who does not read."""

RETRY = 1.0
"""Seconds from one attempt to write to the next, while the disk of stdout is full."""

LATER = (errno.ENOSPC, errno.EDQUOT, errno.EAGAIN)
"""What is wrong with stdout for a while; whatever else, and nobody reads it any more."""

_log = logging.getLogger("edgeseg.serve")


class Reporter:
    """Prints each event, and the status from time to time, until it is closed: {"event": ...} or {"status": ...}.

    A reader who has had enough does not end the service; one who is slow loses the oldest events, as does a full disk
    until there is room. Lines are whole.
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
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._print, name="edgeseg-report", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Prints what is left, and ends."""
        self._closed.set()
        self._subscription.close()
        self._thread.join(JOIN_SECONDS)

    def _print(self) -> None:
        due = time.monotonic() + self._every
        try:
            while True:
                event = self._subscription.get(max(0.0, due - time.monotonic()))
                if event is not None:
                    self._line({"event": event.to_json()})
                elif self._closed.is_set():
                    return
                if time.monotonic() >= due:
                    self._line({"status": self._service.status().to_json()})
                    due = time.monotonic() + self._every  # what a slow reader missed is past
        except OSError:  # nobody reads it any more
            self._subscription.close()

    def _line(self, data: object) -> None:
        """Writes a line, past sys.stdout: what its buffers hold of a line that failed cannot be known."""
        left, said = json.dumps(data, allow_nan=False).encode() + b"\n", False
        while left:
            try:
                left = left[os.write(sys.stdout.fileno(), left) :]
            except OSError as error:
                if error.errno not in LATER or self._closed.wait(RETRY):
                    raise
                if not said:
                    _log.warning("stdout takes nothing, and is tried again until it does: %s", error.strerror)
                said = True


class LogFormat(logging.Formatter):
    """One line a record: time=... level=..., and what the event log or another part of edgeseg says."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; what would break it is written out."""
        message = record.getMessage()
        words = message if record.name == "edgeseg.serve.events" else f"text={json.dumps(message)}"
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
