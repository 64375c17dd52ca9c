"""The address of a source, and how user and password get into it."""

from __future__ import annotations

import os
import re
import socket
from typing import NamedTuple
from urllib.parse import quote, unquote

from edgeseg.errors import UsageError
from edgeseg.redact import URL, redact

_FILE = re.compile(r"file:(?:/(?!/)|//localhost/|///+)(.*)", re.IGNORECASE | re.DOTALL)

_NUMBERED = re.compile(r"%(?:0\d+d|d(?![0-9A-Fa-f]))")
"""The numbers of pictures, as in "img%04d.png"; no byte that is percent-encoded in a name begins so."""

SERVERS = ("rtsp://", "rtsps://", "http://", "https://", "rtmp://", "rtmps://")
"""Schemes of what is asked for by the name of a host."""

ENCRYPTED = ("https://", "rtsps://", "tls://", "rtmps://")
"""Schemes of servers that show a certificate."""

WITHOUT_PORT = ("udp://", "udplite://", "rtp://", "tcp://", "tls://")
"""Schemes that have no usual port."""

LAST_PORT = 65535


class Address(NamedTuple):
    """A URL in pieces.

    Attributes:
        scheme: with its "://", in small letters, as FFmpeg knows no others.
        userinfo: user and password as written, without the "@"; None where there are none.
        host: with its port.
        rest: path, query and fragment.
    """

    scheme: str
    userinfo: str | None
    host: str
    rest: str

    def with_userinfo(self, user: str, password: str) -> str:
        """The URL with that user and password, percent-encoded."""
        return f"{self.scheme}{quote(user, safe='')}:{quote(password, safe='')}@{self.host}{self.rest}"

    def __str__(self) -> str:
        """The URL; a user and password in it come out percent-encoded, whether they were written so or not."""
        if self.userinfo is None:
            return f"{self.scheme}{self.host}{self.rest}"
        user, colon, password = self.userinfo.partition(":")
        return f"{self.scheme}{_encoded(user)}{colon}{_encoded(password)}@{self.host}{self.rest}"


def is_url(text: str) -> bool:
    """Whether a scheme and "://" begin it, and it is no file's."""
    return URL.match(text) is not None and text[:5].lower() != "file:"


def local_path(source: str) -> str:
    """The path in a URL of a file on this machine (RFC 8089), percent-decoded; any other text as it is.

    What is there on disk under the very name comes first. All that holds for files is then asked of the path: FFmpeg
    would open the URL too, and nothing would know that an output replaces it.
    """
    match = _FILE.fullmatch(source)
    if match is None or "%00" in source or os.path.lexists(source):
        return source
    folder, slash, name = match[1].rpartition("/")
    kept = name if _NUMBERED.search(name) else unquote(name, errors="surrogateescape")
    return f"/{unquote(folder, errors='surrogateescape')}{slash}{kept}"


def take_apart(url: str) -> Address:
    """The pieces of a URL. Where what looks like a port is no number, it is a password with a slash in it.

    Args:
        url: for which `is_url` holds.
    """
    match = URL.fullmatch(url)
    assert match is not None
    scheme, rest = match.groups()
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    place = authority.rfind("@")
    if place < 0 and not re.fullmatch(r"\d*", authority.rpartition("]")[2].partition(":")[2]):
        place = rest.rfind("@")
    behind = rest[place + 1 :]
    host = re.split(r"[/?#]", behind, maxsplit=1)[0]
    return Address(scheme.lower(), rest[:place] if place >= 0 else None, host, behind[len(host) :])


def check_address(url: str) -> None:
    """Refuses a URL that leads nowhere, whatever the network is like.

    Args:
        url: for which `is_url` holds.

    Raises:
        UsageError: it names no server, where one is to be asked, no port, where none is usual, or one that cannot be.
    """
    address = take_apart(url)
    scheme, shown = address.scheme, f"{redact(url):.80}"
    if not address.host and scheme in SERVERS:
        raise UsageError(f"{shown} names no host; write {address.scheme}HOST/PATH")
    match = re.fullmatch(r"(?:\[[^\[\]]+\]|[^:\[\]]*)(?::0*(\d*))?", address.host)
    if match is None:
        raise UsageError(
            f"{shown} has no host and port that can be read; write HOST:PORT, and an IPv6 address in brackets, "
            "[::1]:554"
        )
    port = match[1]
    missing = port == "" or (port is None and scheme in WITHOUT_PORT)
    if missing and "port=" not in address.rest:  # FFmpeg's localport and localrtpport
        raise UsageError(f"{shown} names no port; write {address.scheme}HOST:PORT")
    if port and (len(port) > 5 or int(port) > LAST_PORT):
        raise UsageError(f"{shown} has a port above {LAST_PORT}, which is the last; check the address")


def is_unknown_host(host: str) -> bool:
    """Whether the system cannot find the host; FFmpeg says no more than "Input/output error" then."""
    name = re.sub(r":\d*$", "", host).strip("[]")
    try:
        socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):  # as of two dots in a row, or a word of more than 63 characters
        return True
    return False


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="")
