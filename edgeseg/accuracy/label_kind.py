"""What the first bytes of a label image say of its samples, which a decoder for viewing would not keep."""

from __future__ import annotations

import contextlib
import struct
from typing import NamedTuple

from edgeseg.picture import PNG

UPRIGHT = 1
"""EXIF's orientation of an image that is shown as it is stored."""

TIFF = (b"II*\0", b"MM\0*")
"""The first bytes of one."""

_INDEXED = 3
"""The colour type of a PNG, and the photometric interpretation of a TIFF, with a palette."""

_BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION = 258, 259, 262, 274
"""Tags of TIFF 6.0, section 8; EXIF has the last one too."""

_LOSSY_TIFF = {6: "JPEG", 7: "JPEG", 34712: "JPEG 2000", 50001: "WebP"}
"""Compressions that alter levels, as libtiff numbers them."""


class LabelKind(NamedTuple):
    """How a file holds its samples.

    Attributes:
        bits: of a sample; OpenCV stretches fewer than 8 to the range 0 to 255.
        indexed: name of FFmpeg's decoder, where samples are indices into a palette, which OpenCV would replace by their
            colours.
        lossy: name of a compression that alters levels.
        turned: EXIF's orientation, 1 to 8, that whoever decodes has to apply.
    """

    bits: int = 8
    indexed: str | None = None
    lossy: str | None = None
    turned: int = UPRIGHT


def label_kind(content: bytes) -> LabelKind:
    """The kind of a file, from its bytes; of one that is cut off or unknown the usual one, whose decoder says so."""
    with contextlib.suppress(struct.error, IndexError):
        if content.startswith(PNG):  # ISO/IEC 15948, 11.2.2
            indexed = "png" if content[25] == _INDEXED else None
            return LabelKind(max(1, content[24]), indexed, turned=_png_orientation(content))
        if content.startswith(b"\xff\xd8\xff"):
            return LabelKind(lossy="JPEG")
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return _webp(content)
        if content[:4] in TIFF:
            return _tiff(tiff_tags(content))
        if content.startswith(b"BM"):
            bits = struct.unpack_from("<H", content, 24 if content[14] == 12 else 28)[0]  # 12: BITMAPCOREHEADER
            return LabelKind(bits, "bmp" if bits <= 8 else None)
    return LabelKind()


def tiff_tags(content: bytes) -> dict[int, int]:
    """The tags of a TIFF's first directory, and the first number of each (TIFF 6.0, section 2); EXIF is such a file."""
    order = "<" if content.startswith(b"II") else ">"
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, start)
    tags = {}
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", content, place)
        form, size = ("H", 2) if kind == 3 else ("I", 4)
        (value,) = struct.unpack_from(f"{order}I", content, place + 8)
        at = value if number * size > 4 else place + 8
        with contextlib.suppress(struct.error):  # the values of another kind may lie nowhere
            tags[tag] = struct.unpack_from(f"{order}{form}", content, at)[0]
    return tags


def orientation(tags: dict[int, int]) -> int:
    """EXIF's orientation, 1 to 8 (CIPA DC-008, 4.6.5); UPRIGHT where there is none."""
    value = tags.get(_ORIENTATION, UPRIGHT)
    return value if 1 <= value <= 8 else UPRIGHT


def _tiff(tags: dict[int, int]) -> LabelKind:
    indexed = tags.get(_PHOTOMETRIC) == _INDEXED
    return LabelKind(
        max(1, tags.get(_BITS, 1)),
        "tiff" if indexed else None,
        _LOSSY_TIFF.get(tags.get(_COMPRESSION, 1)),
        orientation(tags) if indexed else UPRIGHT,  # OpenCV turns the others itself
    )


def _webp(content: bytes) -> LabelKind:
    """From the chunks (RFC 9649, 2.3 to 2.7): VP8L is lossless."""
    chunks, place = {}, 12
    with contextlib.suppress(struct.error):  # at the end
        while True:
            kind, length = struct.unpack_from("<4sI", content, place)
            chunks[kind] = content[place + 8 : place + 8 + length]
            place += 8 + length + length % 2
    if b"VP8L" not in chunks:
        return LabelKind(lossy="lossy or animated WebP")
    turned = UPRIGHT
    with contextlib.suppress(struct.error):
        turned = orientation(tiff_tags(chunks.get(b"EXIF", b"").removeprefix(b"Exif\0\0")))
    return LabelKind(turned=turned)


def _png_orientation(content: bytes) -> int:
    """From the chunk eXIf; OpenCV leaves it out where it decodes a file unchanged."""
    place = len(PNG)
    with contextlib.suppress(struct.error):  # cut off: whoever decodes it says so
        while place < len(content):
            length, kind = struct.unpack_from(">I4s", content, place)
            if kind == b"eXIf":
                return orientation(tiff_tags(content[place + 8 : place + 8 + length]))
            place += 12 + length
    return UPRIGHT
