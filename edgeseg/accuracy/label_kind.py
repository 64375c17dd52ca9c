"""What the first bytes of a label image say of its samples, which a decoder for viewing would not keep."""

from __future__ import annotations

import contextlib
import struct
from typing import NamedTuple

from edgeseg.orientation import webp_chunks
from edgeseg.picture_header import PNG
from edgeseg.tiff import BITS, COMPRESSION, PHOTOMETRIC, TIFF, tiff_tags

_INDEXED = 3
"""The colour type of a PNG, and the photometric interpretation of a TIFF, with a palette."""

_LOSSY_TIFF = {6: "JPEG", 7: "JPEG", 34712: "JPEG 2000", 50001: "WebP"}
"""Compressions that alter levels, as libtiff numbers them."""


class LabelKind(NamedTuple):
    """How a file holds its samples.

    Attributes:
        bits: of a sample; OpenCV stretches fewer than 8 to the range 0 to 255.
        indexed: name of FFmpeg's decoder, where samples are indices into a palette, which OpenCV would replace by their
            colours.
        lossy: name of a compression that alters levels.
    """

    bits: int = 8
    indexed: str | None = None
    lossy: str | None = None


def label_kind(content: bytes) -> LabelKind:
    """The kind of a file, from its bytes; of one that is cut off or unknown the usual one, whose decoder says so."""
    with contextlib.suppress(struct.error, IndexError):
        if content.startswith(PNG):  # ISO/IEC 15948, 11.2.2
            return LabelKind(max(1, content[24]), "png" if content[25] == _INDEXED else None)
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


def _tiff(tags: dict[int, int]) -> LabelKind:
    indexed = "tiff" if tags.get(PHOTOMETRIC) == _INDEXED else None
    return LabelKind(max(1, tags.get(BITS, 1)), indexed, _LOSSY_TIFF.get(tags.get(COMPRESSION, 1)))


def _webp(content: bytes) -> LabelKind:
    """VP8L is lossless (RFC 9649, 2.6)."""
    return LabelKind() if b"VP8L" in webp_chunks(content) else LabelKind(lossy="lossy or animated WebP")
