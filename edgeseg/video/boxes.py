"""The boxes of an MP4 or MOV (ISO/IEC 14496-12, 4.2), and fragments whose times go back."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from edgeseg.files import open_file

FIRST = (b"ftyp", b"free", b"mdat", b"moov", b"skip", b"wide")
"""Boxes that an MP4 or MOV begins with."""

MOST_BOXES = 2**18
"""That are looked at: 36 hours of fragments of a second have that many."""

LARGEST_MOOF = 2**20
"""Bytes of one that is read; that of an hour of frames has less."""


def boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Kind and end of each outermost box of an MP4 or MOV; none of another file."""
    length, place = os.fstat(file.fileno()).st_size, 0
    for _ in range(MOST_BOXES):
        file.seek(place)
        header = file.read(16)
        size, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if place == 0 and kind not in FIRST:
            return
        if size == 1:
            size = int.from_bytes(header[8:], "big")
        place += size
        yield kind, place
        if size < 8 or place >= length:  # 0 is a box that goes on to the end
            return


def goes_back(path: Path, track: int) -> bool:
    """Whether a fragment of a track begins no later than one before it: FFmpeg leaves out its frames in silence.

    Raises:
        OSError: the file cannot be read.
    """
    with open_file(path, 2**63) as file:
        latest, place = -1, 0
        for kind, end in boxes(file):
            if kind == b"moof" and 8 < end - place <= LARGEST_MOOF:
                file.seek(place + 8)
                begins = _begins(file.read(end - place - 8), track)
                if begins is not None and begins <= latest:
                    return True
                latest = latest if begins is None else begins
            place = end
    return False


def _begins(moof: bytes, track: int) -> int | None:
    """The time at which a fragment of a track begins (8.8.12); None where it has no samples of it, or tells no time."""
    for kind, traf in _inner(moof):
        found = dict(_inner(traf)) if kind == b"traf" else {}
        if not {b"tfhd", b"tfdt", b"trun"} <= found.keys():
            continue
        number, samples = (found[name][4:8] for name in (b"tfhd", b"trun"))
        if int.from_bytes(number, "big") == track and any(samples):
            time = found[b"tfdt"]
            return int.from_bytes(time[4:12] if time[:1] == b"\1" else time[4:8], "big")
    return None


def _inner(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each box in another."""
    place = 0
    while place + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, place)
        yield kind, content[place + 8 : place + size]
        place += max(size, 8)
