"""Addresses of sources: what may be shown of one, and how user and password get into it.

What is shown is found by taking the address apart, and errs towards hiding: all that could be user and password, even
where they are not percent-encoded or the scheme has a typo; the path from its first `=` or `;` on, for many cameras
want the password there; query and fragment.
"""

from __future__ import annotations

import re
import socket
from typing import NamedTuple
from urllib.parse import quote, unquote

HIDDEN = "***"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+://)(.*)", re.DOTALL)
_SECRET = re.compile(r"(?i)(?:user|pass|pw|pin|key|token|secret|auth|login)[\w-]*\s*=")


class Address(NamedTuple):
    """A URL in pieces.

    Attributes:
        scheme: with its "://".
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
    """Whether a scheme and "://" begin it."""
    return _SCHEME.match(text) is not None


def take_apart(url: str) -> Address:
    """The pieces of a URL. Where what looks like a port is no number, it is a password with a slash in it.

    Args:
        url: for which `is_url` holds.
    """
    match = _SCHEME.fullmatch(url)
    assert match is not None
    scheme, rest = match.groups()
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    place = authority.rfind("@")
    if place < 0 and not re.fullmatch(r"\d*", authority.rpartition("]")[2].partition(":")[2]):
        place = rest.rfind("@")
    behind = rest[place + 1 :]
    host = re.split(r"[/?#]", behind, maxsplit=1)[0]
    return Address(scheme, rest[:place] if place >= 0 else None, host, behind[len(host) :])


def redact(text: str) -> str:
    """`text`, a URL, GStreamer pipeline or whatever else was to be a source, without what may be secret in it."""
    if " ! " in text:
        return " ".join(_redact_word(word) for word in text.split(" "))
    match = _SCHEME.fullmatch(text)
    scheme, rest = match.groups() if match else ("", text)
    place = rest.rfind("@")
    before = rest[: max(place, 0)]
    if place >= 0 and (match is None or ":" in re.split("[/?#]", before)[0] or not re.search("[/?#]", before)):
        scheme, rest = f"{scheme}{HIDDEN}@", rest[place + 1 :]
    elif match is None and "/" not in text.partition(":")[2][:1] and "//" not in text and not _SECRET.search(text):
        return text  # the name of a file
    tail = re.search(r"[=;?#]", rest)
    return scheme + (rest if tail is None else f"{rest[: tail.end()]}{HIDDEN}")


def is_unknown_host(host: str) -> bool:
    """Whether the system cannot find the host; FFmpeg says no more than "Input/output error" then."""
    name = re.sub(r":\d*$", "", host).strip("[]")
    try:
        socket.getaddrinfo(name, None)
    except OSError:
        return True
    return False


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="")


def _redact_word(word: str) -> str:
    """One word of a pipeline: `location=URL`, `user-pw=secret`, or anything else."""
    name, equals, value = word.partition("=")
    if equals and _SECRET.match(word):
        return f"{name}={HIDDEN}"
    return f"{name}={redact(value)}" if equals and is_url(value.strip("\"'")) else word
