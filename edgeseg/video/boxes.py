"""The boxes of an MP4 or MOV (ISO/IEC 14496-12, 4.2)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

FIRST = (b"ftyp", b"free", b"mdat", b"moov", b"skip", b"wide")
"""Boxes that an MP4 or MOV begins with."""

MOST_BOXES = 2**18
"""That are looked at: 36 hours of fragments of a second have that many."""


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
