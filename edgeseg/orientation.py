"""How a picture's file says that it is to be shown: EXIF's orientation (CIPA DC-008, 4.6.5).

PNG, JPEG, WebP and TIFF carry it, each in a place of its own. Pictures and label images are turned by it in one way,
whatever an OpenCV does of itself: its releases differ in which formats they turn.
"""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.picture_header import PNG
from edgeseg.tiff import TIFF, tiff_tags

UPRIGHT = 1
"""The orientation of an image that is shown as it is stored; from SIDEWAYS on, rows become columns."""

SIDEWAYS = 5

_ORIENTATION = 274
"""The tag of TIFF 6.0, section 8, which EXIF has too."""


def orientation(content: bytes) -> int:
    """The orientation that a file asks for, 1 to 8; UPRIGHT where it asks for none, or is damaged."""
    with contextlib.suppress(struct.error):
        exif = _exif(content)
        if exif[:4] in TIFF:
            value = tiff_tags(exif).get(_ORIENTATION, UPRIGHT)
            return value if UPRIGHT <= value <= 8 else UPRIGHT
    return UPRIGHT


def turned(stored: NDArray[Any], by: int) -> NDArray[Any]:
    """An array (H, W, ...) as that orientation has it shown: itself if it is upright, else a copy."""
    if by == UPRIGHT:
        return stored
    shown = stored.swapaxes(0, 1) if by >= SIDEWAYS else stored
    if by in (3, 4, 7, 8):
        shown = shown[::-1]
    if by in (2, 3, 6, 7):
        shown = shown[:, ::-1]
    return np.ascontiguousarray(shown)


def webp_chunks(content: bytes) -> dict[bytes, bytes]:
    """The chunks of a WebP by name (RFC 9649, 2.3 to 2.7)."""
    chunks, place = {}, 12
    with contextlib.suppress(struct.error):  # at the end
        while True:
            kind, length = struct.unpack_from("<4sI", content, place)
            chunks[kind] = content[place + 8 : place + 8 + length]
            place += 8 + length + length % 2
    return chunks


def _exif(content: bytes) -> bytes:
    """The TIFF that holds a picture's EXIF data; empty where there is none."""
    if content[:4] in TIFF:
        return content
    if content.startswith(PNG):
        return _of_png(content)
    if content.startswith(b"\xff\xd8"):
        return _of_jpeg(content)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return webp_chunks(content).get(b"EXIF", b"").removeprefix(b"Exif\0\0")
    return b""


def _of_png(content: bytes) -> bytes:
    """From the chunk eXIf (PNG, third edition, 11.3.4.5)."""
    place = len(PNG)
    while True:
        length, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"eXIf":
            return content[place + 8 : place + 8 + length]
        place += 12 + length


def _of_jpeg(content: bytes) -> bytes:
    """From the first segment APP1 of that name, before the coded data (CIPA DC-008, 4.7.2)."""
    place = 2
    while True:
        marker, length = struct.unpack_from(">HH", content, place)
        if marker == 0xFFFF:  # a fill byte
            place += 1
            continue
        if not 0xFFC0 <= marker <= 0xFFFE or marker == 0xFFDA:
            return b""
        if marker == 0xFFE1 and content[place + 4 : place + 10] == b"Exif\0\0":
            return content[place + 10 : place + 2 + length]
        place += 2 + length
