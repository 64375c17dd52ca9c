"""What may be shown of an address that may hold a password.

It is found by taking the address apart, and errs towards hiding: all that could be user and password, even where they
are not percent-encoded, are so with all around them, lack the host, or the scheme has a typo; the path from its first
`=`, `;` or `:` on, for many cameras want the password there, and what in it looks like a key; query and fragment; of
RTMP all behind the application, which is the stream key.
"""

from __future__ import annotations

import re
import sys
from pathlib import PurePath
from urllib.parse import unquote

HIDDEN = "***"

URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(.*)", re.DOTALL)
"""A scheme with "://", and what follows."""

_SECRET = r"(?:user|pass|pw|pin|key|token|secret|auth|login)[\w-]*\s*="
_STREAM = r"(?:stream(?:id)?|playpath)\s*="
_HEADER = "authorization|bearer|cookie"

_VALUE = r"""(?:"(?:\\.|[^"])*(?:"|\Z)|'(?:\\.|[^'])*(?:'|\Z)|(?:\\.|\S)+)"""
"""A quote or blank behind a backslash does not end it; a quote that is never closed goes on to the end."""

_PROPERTY = re.compile(rf"([\w-]+\s*=\s*)({_VALUE})", re.DOTALL)

_UUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"

_GROUPS = "[A-Za-z0-9]{4}(?:-[A-Za-z0-9]{4}){2,}"

_KEY = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{{16,}}|{_UUID}|{_GROUPS})(?![A-Za-z0-9])"
)
"""What lets in whoever knows it, as the path of a stream: 16 letters and digits in a row, a UUID, or groups of four."""

_STREAM_KEY = re.compile(r"\A([^/]*rtmp[a-z]*(?:://|:/(?!/)|//)[^/]*/[^/]*/).+", re.DOTALL | re.IGNORECASE)
"""An RTMP URL, rtmp://HOST/APPLICATION/KEY; a quote or another protocol may stand before it."""

_BARE = re.compile(r"(?<!\S)[A-Za-z][A-Za-z0-9+.-]*://\S*")
"""A URL as an element of a pipeline."""

_HOST_AND_QUERY = re.compile(r"[^./][^/]*[.:][^/]*/.*\?", re.DOTALL)
"""What begins a URL without its scheme."""


def redact(text: str) -> str:
    """`text`, a URL, GStreamer pipeline or whatever else was to be a source, without what may be secret in it."""
    if " ! " in text:
        return _BARE.sub(lambda match: redact(match[0]), _PROPERTY.sub(_redact_property, text))
    given, text = text, _unwrapped(text)
    match = URL.fullmatch(text)
    scheme, rest = match.groups() if match else ("", text)
    place = rest.rfind("@")
    if match and place >= 0 and ":" not in rest[:place] and rest[:1] != "/":  # without a password no slash is one's own
        place = re.split("[/?#]", rest, maxsplit=1)[0].rfind("@")
    before = rest[: max(place, 0)]
    first, slash, _ = before.partition("/")
    if place >= 0:
        behind_host = first and slash and not _is_no_host(first.rpartition("@")[2])
        if behind_host or (re.search("[=;?#]", before) and (text != given or re.search("[/?#]", before))):
            return scheme + HIDDEN  # the "@" may as well be one of a password in the path
        scheme, rest = f"{scheme}{HIDDEN}@", rest[place + 1 :]
    elif match is None and not re.search(rf"//|:/|(?i:{_SECRET})", text) and not _HOST_AND_QUERY.match(text):
        return text  # the name of a file
    host = re.split("[/=;?#]", rest, maxsplit=1)[0]
    if match and _is_no_host(host):
        rest = HIDDEN + rest[len(host) :]
    tail = re.search(r"[=;?#]|/[^=;?#]*?:", rest)
    host, slash, path = (rest if tail is None else f"{rest[: tail.end()]}{HIDDEN}").partition("/")
    return _STREAM_KEY.sub(rf"\1{HIDDEN}", f"{scheme}{host}{slash}{_KEY.sub(HIDDEN, path)}")


def redact_option(name: str, value: str) -> str:
    """The value of an option, hidden unless its name is harmless and it is one short word or number."""
    secret = re.match(rf"\w*?(?:{_SECRET}|{_STREAM})", f"{name}=", re.IGNORECASE)
    return HIDDEN if secret or not re.fullmatch(r"[\w.-]{0,16}", value) else value


def redact_arguments(text: str) -> str:
    """`text` without what may be secret in the arguments of the command line, wherever they stand in it."""
    words = {part for word in sys.argv[1:] for part in (word, word.partition("=")[2], *word.split(","))}
    for word in sorted(words, key=len, reverse=True):
        if (redacted := redact(word)) != word:
            for spelling in (word, repr(word)[1:-1], str(PurePath(word))):  # as messages write it
                text = text.replace(spelling, redacted)
    return text


def _is_no_host(text: str) -> bool:
    """Whether it is no host and port, nor an IPv6 address, but user and password, whose host was forgotten."""
    behind = text.rpartition("]")[2] if text.startswith("[") else text
    return bool(re.search(":.*[^0-9]", behind, re.DOTALL)) and not re.fullmatch("[0-9A-Fa-f.:]*", text)


def _unwrapped(text: str) -> str:
    """The text, percent-decoded where that brings to light what takes an address apart."""
    plain, path = (unquote(each, errors="surrogateescape") for each in (text, text.rpartition("@")[2]))
    found = any(mark in plain and mark not in text for mark in ("@", "://")) or ("?" in path and "?" not in text)
    return plain if found else text


def _redact_property(match: re.Match[str]) -> str:
    name, value = match.groups()
    secret = re.match(rf"(?:[\w-]*[-_])?(?:{_SECRET}|{_STREAM})", name, re.IGNORECASE)
    if secret or re.search(_HEADER, match[0], re.IGNORECASE):
        return f"{name}{HIDDEN}"
    if "://" in value or "%" in value:
        return name + redact(value)
    return name + (HIDDEN if " ! " in value or re.search(_SECRET, value, re.IGNORECASE) else value)
