"""The child's process as its supervisor sees it."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from typing import Any

from edgeseg.video.supervised.channel import Channel
from edgeseg.video.supervised.request import Request

FAREWELL = 1.5
"""Seconds that a child has to close its source when told to end."""

DEATH = 1.0
"""Seconds that a killed process has to be gone; a driver that blocks for ever may hold it."""


def ending(process: subprocess.Popen[bytes], seconds: float) -> str:
    """How a process that was killed, or has ended before, did end within so many seconds: the end of a sentence."""
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return "cannot be ended"
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


class ChildProcess:
    """A running child.

    Attributes:
        channel: to it.
        pid: of it.
    """

    def __init__(self) -> None:
        """Starts it: in a session of its own, as Ctrl-C in a terminal is for the parent.

        Raises:
            OSError: the system allows no more processes, or files.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # Modules come from where they come from here, and not from the working directory, as with -m.
            code = (
                f"import sys; sys.path[:] = {sys.path!r}; from edgeseg.video.supervised.child import main; "
                f"main({theirs.fileno()})"
            )
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", code],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
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
