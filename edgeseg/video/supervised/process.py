"""The child's process as its supervisor sees it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from typing import Any

from edgeseg.child_process import ending, start_child
from edgeseg.video.supervised.channel import Channel
from edgeseg.video.supervised.request import Request

FAREWELL = 1.5
"""Seconds that a child has to close its source when told to end."""

DEATH = 1.0
"""Seconds that a killed process has to be gone; a driver that blocks for ever may hold it."""


class ChildProcess:
    """A running child.

    Attributes:
        channel: to it.
        pid: of it.
    """

    def __init__(self) -> None:
        """Starts it.

        Raises:
            OSError: the system allows no more processes, or files.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = start_child("edgeseg.video.supervised.child", theirs.fileno())
            except BaseException:
                ours.close()
                raise
        self.channel = Channel(ours)
        self.pid = self._process.pid

    def connect(self, number: int, request: Request) -> None:
        """Tells it to open the source, as connection `number`."""
        self._send({"connect": number, "request": request.to_json()})

    def close(self) -> None:
        """Lets it close its source; ends it where that takes too long."""
        self._send({"close": True})
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(FAREWELL)
        self.kill()

    def kill(self) -> str:
        """Ends it at once, unless it has ended; how it did. One that hangs in the system itself is left alone."""
        self._process.kill()
        self.channel.close()
        return ending(self._process, DEATH)

    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # it is gone, which reading from it tells
            self.channel.send(message)
