"""The address that a service listens at: loopback for anybody on this machine, others with a token."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from pathlib import Path

from edgeseg import private_file
from edgeseg.errors import UsageError
from edgeseg.serve.settings import ListenSettings

SHORTEST_TOKEN = 16
"""Characters."""


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of "127.0.0.1:8765" or "[::1]:8765".

    Raises:
        UsageError: it is none, or the host is no address of any kind.
    """
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\[\]:\s]+)):(\d{1,5})", text, re.ASCII)
    if match is None or int(match[3]) > 65535:
        raise UsageError(f"{text!r:.80} is no address with a port; write 127.0.0.1:8765, or [::1]:8765")
    host = match[1] or match[2]
    _addresses(host)
    return host, int(match[3])


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in _addresses(host))


def read_token(path: Path) -> str:
    """The token on the first line of a file that only its owner may read.

    Raises:
        UsageError: others may read it, it cannot be read, or the token is too short or not printable ASCII.
    """
    return private_file.read_token(path, shortest=SHORTEST_TOKEN)


def check_free(listen: ListenSettings, *, ours: bool = False) -> None:
    """Raises UsageError where nobody could listen there now; `ours`: the port is, and is freed before it is taken."""
    port = 0 if ours else listen.port
    try:
        family = socket.getaddrinfo(listen.host, port, type=socket.SOCK_STREAM)[0][0]
        with contextlib.closing(socket.create_server((listen.host, port), family=family)):
            pass
    except OSError as error:
        raise UsageError(
            f"cannot listen at {listen.host}, port {listen.port}: {error.strerror or error}; choose another port, or "
            "end what holds it"
        ) from error


def _addresses(host: str) -> list[str]:
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"the host {host!r:.80} is not known here; write an address of this machine") from error
