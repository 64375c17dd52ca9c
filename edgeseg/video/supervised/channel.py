"""Messages between the supervisor and its child: a JSON object each, and the file of new memory where there is one."""

from __future__ import annotations

import json
import socket
from typing import Any

LONGEST = 1 << 16
"""Bytes of a message."""


class Channel:
    """One end of a pair of sockets that keep messages apart."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def send(self, message: dict[str, Any], handle: int | None = None) -> None:
        """Sends a message, with a file.

        Raises:
            OSError: the other end is gone.
        """
        data = json.dumps(message).encode()
        socket.send_fds(self._socket, [data], [] if handle is None else [handle])

    def receive(self) -> tuple[dict[str, Any], int | None] | None:
        """The next message, with the file that came along, which is the caller's; None when the other end is gone.

        Raises:
            ValueError: it is no message.
        """
        try:
            data, handles, _, _ = socket.recv_fds(self._socket, LONGEST, 1)
        except ConnectionError:
            return None
        if not data:
            return None
        message = json.loads(data)
        if not isinstance(message, dict):
            raise ValueError("a message is no object")
        return message, handles[0] if handles else None

    def close(self) -> None:
        """Closes this end; more calls do nothing."""
        self._socket.close()
