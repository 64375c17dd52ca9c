"""What a picture's bytes say beside its size.

Whether a PNG holds more than it shows, whether more pictures follow, which byte of a BMP is which colour, and why they
are no picture.
"""

from __future__ import annotations

import contextlib
import re
import struct

PNG = b"\x89PNG\r\n\x1a\n"
"""The first bytes of one."""

_START = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8|RIFF(....WEBP|.{0,7}\Z)|II\*\0|MM\0\*|BM", re.DOTALL)
"""The first bytes of a PNG, JPEG, WebP (as far as they are there), TIFF (of either byte order) and BMP."""

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By a PNG's colour type (ISO/IEC 15948, 11.2.2)."""

_SLACK = 2**16
"""Bytes that any PNG may have beside: those of small pictures compress badly."""

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""The first line of what Git keeps in place of a file that Git LFS holds."""


def why_no_picture(content: bytes) -> str:
    """What is to be said of bytes that claim no size."""
    if not content:
        return "it is empty (0 bytes); copy or export it again"
    if content.startswith(LFS_POINTER):
        return "it is a pointer of Git LFS; fetch the file itself, git lfs pull"
    if _START.match(content):
        return f"it ends or is damaged before it says its size ({len(content)} bytes); copy or export it again"
    return "it is no PNG, JPEG, WebP, TIFF or BMP"


def without_texts(content: bytes) -> bytes:
    """A PNG's header, palette and pixels alone: its critical chunks, whose names begin with a capital (11.2).

    FFmpeg inflates compressed texts and profiles whole: a few MB of them took all memory.
    """
    kept, place = [content[:8]], 8
    with contextlib.suppress(struct.error):  # cut off: whoever decodes it says so
        while place < len(content):
            length, name = struct.unpack_from(">I4s", content, place)
            if name[:1].isupper():
                kept.append(content[place : place + 12 + length])
            place += 12 + length
    return b"".join(kept)


def png_excess(content: bytes) -> bool:
    """Whether a PNG has more compressed data than twice its pixels: decoders inflate it to its end, for nothing."""
    if not content.startswith(b"\x89PNG"):
        return False
    with contextlib.suppress(struct.error):  # cut off: whoever decodes it says so
        width, height, bits, kind = struct.unpack_from(">IIBB", content, 16)
        line = 1 + (width * bits * _CHANNELS.get(kind, 4) + 7) // 8
        room: int = 2 * height * line + _SLACK
        place = 8
        while place < len(content) and room >= 0:
            length, name = struct.unpack_from(">I4s", content, place)
            room -= length if name == b"IDAT" else 0
            place += 12 + length
        return room < 0
    return False


def swaps_colours(content: bytes) -> bool:
    """Whether a BMP orders its colours by masks behind a header that is too short to hold them, where OpenCV takes BGR.

    Headers of 56 bytes and more hold the masks, and OpenCV heeds them.
    """
    if not content.startswith(b"BM"):
        return False
    with contextlib.suppress(struct.error):
        header, *_, bits, compression = struct.unpack_from("<IiiHHI", content, 14)
        if header in (40, 52) and (bits, compression) == (32, 3):
            return struct.unpack_from("<III", content, 54) != (0xFF0000, 0xFF00, 0xFF)
    return False


def has_more_pictures(content: bytes) -> bool:
    """Whether a TIFF has more pages of full size, or a PNG or WebP is animated."""
    with contextlib.suppress(struct.error):
        if content.startswith(b"\x89PNG"):
            return _is_animated_png(content)
        if content[:4] == b"RIFF" and content[8:16] == b"WEBPVP8X":
            return bool(content[20] & 2)  # RFC 9649, 2.7.1.1
        if content[:4] in (b"II*\0", b"MM\0*"):
            return _has_more_pages(content, "<" if content[:1] == b"I" else ">")
    return False


def _is_animated_png(content: bytes) -> bool:
    """The chunk acTL comes before the pixels, and says how many frames there are (PNG, third edition, 11.3.6.1)."""
    place = 8
    while True:
        length, kind, frames = struct.unpack_from(">I4sI", content, place)
        if kind in (b"acTL", b"IDAT"):
            return bool(kind == b"acTL" and frames > 1)
        place += 12 + length


def _has_more_pages(content: bytes, order: str) -> bool:
    """From the second directory (TIFF 6.0, section 2), unless it is the first one reduced, or its transparency."""
    (first,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, first)
    (second,) = struct.unpack_from(f"{order}I", content, first + 2 + 12 * count)
    if second in (0, first):
        return False
    (count,) = struct.unpack_from(f"{order}H", content, second)
    for place in range(second + 2, second + 2 + 12 * count, 12):
        tag, _, _, value = struct.unpack_from(f"{order}HHII", content, place)
        if tag == 254:  # NewSubfileType
            return not value & 0b101
    return True
