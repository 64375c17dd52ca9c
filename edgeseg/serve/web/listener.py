"""The socket that a service listens at, with a bound on connections: its cameras need descriptors too."""

from __future__ import annotations

import socket
import weakref
from typing import Any

from edgeseg.errors import UsageError
from edgeseg.serve.settings import ListenSettings

MOST_CONNECTIONS = 128
"""At one time, those included that have not asked for anything yet."""


class Listener(socket.socket):
    """A listening socket that closes what comes while too many connections are open."""

    def __init__(self, family: int) -> None:
        """Makes one that is bound to nothing yet."""
        super().__init__(family, socket.SOCK_STREAM)
        self._accepted: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection and its address.

        Raises:
            ConnectionAbortedError: it was closed at once, as there are too many; asyncio goes on with the next.
        """
        connection, address = super().accept()
        if sum(each.fileno() != -1 for each in self._accepted) >= MOST_CONNECTIONS:
            connection.close()
            raise ConnectionAbortedError(f"{MOST_CONNECTIONS} connections are open")
        self._accepted.add(connection)
        return connection, address


def listen_at(settings: ListenSettings) -> Listener:
    """Opens the socket.

    Raises:
        UsageError: the address is not one of this machine, or something else listens there.
    """
    host, port = settings.host, settings.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = Listener(family)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(MOST_CONNECTIONS)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen at {host}, port {port}: {reason}; choose another address, or end what holds it"
        ) from error
    return listener
