"""TIFF: its tags (TIFF 6.0), and the forms of it that OpenCV misreads in silence."""

from __future__ import annotations

import contextlib
import struct
from typing import NamedTuple

TIFF = (b"II*\0", b"MM\0*")
"""The first bytes of one."""

WIDTH, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, PLANES, TILE, EXTRA = 256, 258, 259, 262, 277, 284, 322, 338
"""Tags: of a picture's width, of a sample's bits, how many samples a pixel has, of a tile's width."""

_KNOWN = frozenset({0, 1, 2, 3, 5, 6})
"""Photometric interpretations that are read: grey, RGB, palette, CMYK, YCbCr. Lab's colours come out of OpenCV somewhat
off; a sensor's own, as in DNG, not at all."""

_SEPARATE, _STRAIGHT = 2, 2
"""Values: each channel in a plane of its own; alpha that colours are not multiplied by."""


class Form(NamedTuple):
    """How a TIFF stores its pixels, as far as OpenCV does not see to it.

    Attributes:
        misread: what OpenCV takes for something else, as the end of a sentence; None: nothing.
        tiled: it is stored in tiles, which FFmpeg gives as zeros.
        inverted: 16-bit grey whose zeros are white, as OpenCV knows of 8 bits alone.
        straight: it has an alpha channel, by which OpenCV multiplies the colours though the file has not.
    """

    misread: str | None = None
    tiled: bool = False
    inverted: bool = False
    straight: bool = False


def form(content: bytes) -> Form:
    """The form of a file; the usual one of what is no TIFF, or damaged."""
    with contextlib.suppress(struct.error):
        if content[:4] in TIFF:
            return _form(tiff_tags(content))
    return Form()


def _form(tags: dict[int, int]) -> Form:
    bits, samples = tags.get(BITS, 1), tags.get(SAMPLES, 1)
    misread = None
    if tags.get(PHOTOMETRIC, 1) not in _KNOWN:
        misread = "of other colours than grey, RGB, CMYK and YCbCr"
    elif tags.get(PLANES) == _SEPARATE and samples > 1 and (bits > 8 or samples == 2):
        misread = "whose channels lie in separate planes"
    elif samples == 2 and tags.get(TILE, 0) > tags.get(WIDTH, 0):
        misread = "of grey and alpha in tiles wider than the picture"
    inverted = tags.get(PHOTOMETRIC) == 0 and bits == 16
    straight = samples == 4 and bits == 8 and tags.get(EXTRA) == _STRAIGHT
    return Form(misread, TILE in tags, inverted, straight)


def tiff_tags(content: bytes) -> dict[int, int]:
    """The tags of a TIFF's first directory, and the first number of each (TIFF 6.0, section 2); EXIF is such a file.

    Raises:
        struct.error: it is damaged.
    """
    order = "<" if content.startswith(b"II") else ">"
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, start)
    tags = {}
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", content, place)
        layout, size = ("H", 2) if kind == 3 else ("I", 4)
        (value,) = struct.unpack_from(f"{order}I", content, place + 8)
        at = value if number * size > 4 else place + 8
        with contextlib.suppress(struct.error):  # the values of another kind may lie nowhere
            tags[tag] = struct.unpack_from(f"{order}{layout}", content, at)[0]
    return tags
