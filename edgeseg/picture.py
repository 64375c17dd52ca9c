"""Pictures from files: one reader for running, training, evaluation and quantisation, which label images share.

A picture is given as a viewer shows it, as BGR of 8 bits:
- turned and mirrored as its EXIF orientation says;
- grey and palettes become colours, CMYK too; alpha is left out;
- of 16 bits a channel the upper 8 of those that are used: 8 to 14 bits in a 16-bit file, as machine-vision and thermal
  cameras write them, would else come out up to 256 times too dark. The brightest value says how many are used:
  a guess, so it is said. (PNG's sBIT does not say it: by the standard such values are stretched to 16 bits.)

Its size is read from its first bytes: one that claims more pixels than MAX_PIXELS is refused before it is decoded.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.arrays import Image
from edgeseg.errors import DataError
from edgeseg.files import read_file
from edgeseg.jpeg import JPEG, jpeg_scans, jpeg_size, with_end
from edgeseg.opencv_log import silence
from edgeseg.orientation import orientation, turned
from edgeseg.picture_header import PNG, has_more_pictures, png_excess, swaps_colours, why_no_picture
from edgeseg.tiff import TIFF, form

MAX_PIXELS = 180_000_000
"""Somewhat more than the largest sensors on sale have; the environment variable EDGESEG_MAX_PIXELS replaces it."""

MAX_SCANS = 100
"""Of a JPEG; encoders write about ten. Each is carried over the whole picture, however short it is."""

MAX_BYTES = 2**30
"""Of a file."""

DEPTHS = (8, 10, 12, 14, 16)
"""Bits that a sample of a 16-bit file may use."""

LEAST = 10
"""Bits that one picture alone is taken to use at least: a dark one of 10 bits is likelier than one of 8."""

FEWEST, LOOKED_AT = 3, 24
"""Pictures of a series: one of two has no majority against it; and those that are looked at."""

DARK, FEW = 1 << 12, 100
"""Where fewer values than one in so many reach this one, hot pixels or a caption may have made the rest dark."""

BIG_TIFF = (b"II+\0", b"MM\0+")


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        image: BGR uint8 (H, W, 3).
        guessed_bits: how many of 16 bits its brightest value was taken to use, if fewer than 16.
        first_of_several: its file holds more pages or frames, which are not read.
        few_bright: nearly all of its 16 bits' values would fit into 12.
    """

    image: Image
    guessed_bits: int | None = None
    first_of_several: bool = False
    few_bright: bool = False

    def note(self, name: object) -> str | None:
        """A sentence for people about a guess that was made, or pictures that were left out; None if there is none."""
        notes = []
        if self.guessed_bits is not None:
            bits = f"{self.guessed_bits} of 16 bits are used, by the brightest value"
            notes.append(f"{bits}; they were taken for the range")
        if self.few_bright:
            notes.append(
                "nearly all of its values use 12 of 16 bits, and come out dark; if the others are hot pixels or a "
                "caption, stretch it to 16 bits without them"
            )
        if self.first_of_several:
            notes.append("it holds several pages or frames, and only the first is read; save each as a file")
        return f"{name}: {'; '.join(notes)}" if notes else None


def read_picture(path: Path, *, least: int = LEAST) -> Picture:
    """Reads and decodes a file; `least` as for `decode_picture`.

    Raises:
        DataError: it cannot be read or decoded, or claims to be too large.
    """
    return decode_picture(read_content(path), path, least=least)


def read_content(path: Path) -> bytes:
    """All bytes of a picture's file, which is a regular one of at most MAX_BYTES.

    Raises:
        DataError: it cannot be read, or is another.
    """
    try:
        return read_file(path, MAX_BYTES)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; check the path and its permissions") from error


def decode_picture(content: bytes, path: Path, *, least: int = LEAST) -> Picture:
    """Decodes the bytes of a file.

    Args:
        content: of the file.
        path: for messages.
        least: of 16 bits, those that are used at least, as `series_depth` gives them.

    Raises:
        DataError: it cannot be decoded, or claims to be too large.
    """
    decoded = decode(content, path, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    several = has_more_pictures(content)
    stored = form(content)
    if stored.straight:
        _check_alpha(content, path)
    if decoded.dtype == np.uint8:
        return Picture(np.asarray(decoded, np.uint8), None, several)
    _check_depth(decoded, path)
    if stored.inverted:
        decoded = ~decoded
    bits = max(least, _depth_of(decoded))
    image = np.empty(decoded.shape, np.uint8)
    np.right_shift(decoded, bits - 8, out=image, casting="unsafe")  # without a third array, as these may be large
    few_bright = bits == 16 and bool(np.count_nonzero(decoded >= DARK) * FEW < decoded.size)
    return Picture(image, bits if bits < 16 else None, several, few_bright)


def series_depth(paths: Sequence[Path]) -> int:
    """Bits of 16 that most of some pictures of a series use, as a dark one alone looks like less.

    Where no depth has the majority, or all 16 bits have, it is 8: each picture is then taken by itself, which is said
    of those that use less. Files that cannot be read are passed over: who reads them says so.
    """
    if len(paths) < FEWEST:
        return DEPTHS[0]
    depths: list[int] = []
    for path in paths[:: max(1, len(paths) // LOOKED_AT)][:LOOKED_AT]:
        with contextlib.suppress(DataError):
            decoded = decode(read_content(path), path, cv2.IMREAD_UNCHANGED)
            if decoded.dtype != np.uint16:
                break
            depths.append(_depth_of(decoded))
    usual = max(DEPTHS[:-1], key=depths.count)
    return usual if 2 * depths.count(usual) > len(depths) else DEPTHS[0]


def _depth_of(decoded: NDArray[Any]) -> int:
    brightest = int(decoded.max(initial=0))
    return next(depth for depth in DEPTHS if brightest < 1 << depth)


def decode(content: bytes, path: Path, flags: int) -> NDArray[Any]:
    """What `cv2.imdecode` makes of the bytes of a file with these flags, upright; `path` is for messages.

    Raises:
        DataError: they cannot be decoded, or claim to be too large.
    """
    check_size(content, path)
    whole = with_end(content)
    decoded = None if whole is None else _decoded(whole, flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if decoded is None:
        if (stored := _decoded(content, cv2.IMREAD_UNCHANGED)) is not None:  # OpenCV makes no colours of 32-bit grey
            _check_depth(stored, path)
        raise DataError(
            f"{path} cannot be decoded as an image ({len(content)} bytes); is it cut off?"
            + (" If not, it is a kind of TIFF that is not read: save it as PNG" if content[:4] in TIFF else "")
        )
    return decoded if content[:4] in TIFF else turned(decoded, orientation(content))  # OpenCV always turns TIFF


def _decoded(content: bytes, flags: int) -> NDArray[Any] | None:
    silence()
    with contextlib.suppress(cv2.error):  # it raises where a size is too much for its own limits
        return cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    return None


def _check_depth(decoded: NDArray[Any], path: Path) -> None:
    if decoded.dtype not in (np.uint8, np.uint16):
        raise DataError(f"{path} holds {decoded.dtype} values, expected 8 or 16 bits; convert it")


def _check_alpha(content: bytes, path: Path) -> None:
    """Refuses colours that OpenCV darkens by their alpha; those of pixels that are not seen at all are black."""
    decoded = _decoded(content, cv2.IMREAD_UNCHANGED)
    if decoded is not None and decoded.shape[2:] == (4,) and ((decoded[..., 3] > 0) & (decoded[..., 3] < 255)).any():
        raise DataError(f"{path} is a TIFF with half-transparent pixels, whose colours are lost; save it as PNG")


def check_size(content: bytes, path: Path) -> None:
    """Refuses a picture by its first bytes, before it is decoded.

    Raises:
        DataError: it is of no known format, or claims to be too large.
    """
    if content[:4] in BIG_TIFF:
        raise DataError(f"{path} is a BigTIFF, which is not read; save it as TIFF")
    if misread := form(content).misread:
        raise DataError(f"{path} is a TIFF {misread}, which is not read; save it as PNG")
    if swaps_colours(content):
        raise DataError(f"{path} is a BMP whose colours are not in the order BGR, which is not read; save it as PNG")
    size = picture_size(content)
    if size is None:
        raise DataError(f"{path} cannot be decoded as an image; {why_no_picture(content)}")
    limit = max_pixels()
    if size[0] * size[1] > limit:
        raise DataError(
            f"{path} claims to be {size[0]}x{size[1]}, more than {limit} pixels; if that is right and the memory "
            "suffices, set EDGESEG_MAX_PIXELS"
        )
    scans = jpeg_scans(content)
    if scans > MAX_SCANS:
        raise DataError(f"{path} is a JPEG of {scans} scans, expected at most {MAX_SCANS}; save it again")
    if png_excess(content):
        raise DataError(f"{path} is a PNG with far more data than {size[0]}x{size[1]} pixels need; save it again")


def max_pixels() -> int:
    """The limit that holds now.

    Raises:
        DataError: the environment variable holds no number.
    """
    text = os.environ.get("EDGESEG_MAX_PIXELS", "")
    if text and not (text.isdecimal() and len(text) < 16):
        raise DataError(f"EDGESEG_MAX_PIXELS is {text!r}, expected a number of pixels such as {MAX_PIXELS}")
    return int(text or MAX_PIXELS)


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Width and height that the first bytes of a picture claim, before it is turned; None where they claim nothing."""
    with contextlib.suppress(struct.error, IndexError):
        if content.startswith(PNG):  # ISO/IEC 15948, 11.2.2
            return struct.unpack_from(">II", content, 16)
        if content.startswith(JPEG):
            return jpeg_size(content)
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return _webp_size(content)
        if content[:4] in TIFF:
            return _tiff_size(content, "<" if content[:1] == b"I" else ">")
        if content.startswith(b"BM"):
            if struct.unpack_from("<I", content, 14)[0] == 12:  # BITMAPCOREHEADER
                return struct.unpack_from("<HH", content, 18)
            width, height = struct.unpack_from("<ii", content, 18)
            return abs(width), abs(height)  # a negative height: the first line is on top
    return None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    """From the first chunk (RFC 9649, 2.5 to 2.7)."""
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[place : place + 3], "little") + 1 for place in (24, 27))
        return width, height
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _tiff_size(content: bytes, order: str) -> tuple[int, int] | None:
    """From the tags ImageWidth and ImageLength of the first directory (TIFF 6.0, section 2)."""
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    (count,) = struct.unpack_from(f"{order}H", content, start)
    sizes = {}
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", content, place)
        if tag in (256, 257):
            sizes[tag] = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", content, place + 8)[0]
    return (sizes[256], sizes[257]) if len(sizes) == 2 else None
