"""HLS playlists on disk (RFC 8216): FFmpeg waits for ever at the end of a live one, and follows circles of them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from edgeseg.counted import first_of
from edgeseg.errors import SourceError
from edgeseg.files import LARGEST_TEXT, open_file, read_file
from edgeseg.redact import redact

START = b"#EXTM3U"
"""By which FFmpeg knows a playlist; it must come first."""

MOST = 64
"""Playlists that a master playlist may name; FFmpeg opens them all."""

_NAMED = re.compile(r'^#EXT-X-(?:MEDIA|I-FRAME-STREAM-INF):.*URI="([^"]*)"')
_NEEDED = re.compile(r'^#EXT-X-(?:KEY|MAP):.*URI="([^"]*)"')
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def check_playlist(path: Path) -> list[str]:
    """Refuses a playlist that has no end, or that names one which is no plain list of segments.

    Returns:
        A sentence for each list of segments of which some are not there: FFmpeg passes over them.

    Raises:
        SourceError: it is such a one.
        OSError: it cannot be read.
    """
    lines = _lines(path)
    if lines is None:
        return []
    sentences = []
    master = _names_playlists(lines)
    if not master or any(line.startswith("#EXTINF:") for line in lines):  # FFmpeg plays segments of a master too
        sentences += _check_segments(path, lines)
    if not master:
        return sentences
    names = [match[1] for line in lines if (match := _NAMED.match(line))]
    names += [line for line in lines if not line.startswith("#")]
    if len(names) > MOST:
        raise SourceError(f"{path} names {len(names)} playlists, expected at most {MOST}; give one of them")
    for name in names:
        file, shown = name.removeprefix("file:"), f"{redact(name)!r:.80}"
        if _SCHEME.match(file):
            raise SourceError(f"{path} names {shown}, which is no file; give the URL that it is served at")
        inner = path.parent / file
        named = _lines(inner) if inner.is_file() else None
        if named is None:
            continue
        if _names_playlists(named):
            raise SourceError(f"{path} names {shown}, which names playlists itself; give that, or one of those")
        sentences += _check_segments(inner, named)
    return list(dict.fromkeys(sentences))  # it may name one twice, as for its pictures and its sound


def _lines(path: Path) -> list[str] | None:
    """The lines of a playlist as FFmpeg has them, empty ones left out; None of a file that is none.

    A line ends with \\n, \\r or a zero, blanks behind it do not count, and with a blank before it a tag is none.
    """
    with open_file(path, 2**63) as file:
        if file.read(len(START)) != START:
            return None
    text = read_file(path, LARGEST_TEXT).decode("utf-8", "replace")
    return [line for each in re.split("[\n\r\0]", text) if (line := each.rstrip(" \t\v\f"))]


def _names_playlists(lines: list[str]) -> bool:
    return any(line.startswith(("#EXT-X-STREAM-INF:", "#EXT-X-MEDIA:")) for line in lines)


def _check_segments(path: Path, lines: list[str]) -> list[str]:
    if "#EXT-X-ENDLIST" not in lines:
        raise SourceError(
            f"{path} is a live playlist, which has no end (#EXT-X-ENDLIST); give the URL that it is served at, or wait "
            "until it is complete"
        )
    unique = [line for line in dict.fromkeys(lines) if "\ufffd" not in line]  # which was no UTF-8
    names = [match[1] for line in unique if (match := _NEEDED.match(line))]  # without which FFmpeg reads no segment
    names += [line for line in unique if line[0] != "#"]
    files = [name for name in names if not _SCHEME.match(name.removeprefix("file:"))]
    places = {name: path.parent / name.removeprefix("file:") for name in files}
    absent = [redact(name) for name, place in places.items() if not os.path.lexists(place)]  # a name may be too long
    if not absent:
        return []
    files_are = "file that is" if len(absent) == 1 else "files that are"
    return [f"{path} names {len(absent)} {files_are} not there, whose frames are missing: {first_of(absent, 5)}"]
