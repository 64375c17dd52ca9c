"""Label images as people have them: grey, indexed, RGB or RGBA, 1 to 16 bits; never a lossy format."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.errors import DataError
from edgeseg.picture import PNG, check_size, decode, read_content

_INDEXED = 3
"""The colour type of a PNG with a palette (ISO/IEC 15948, 11.2.2)."""

_UPRIGHT = 1
"""EXIF's orientation of an image that is shown as it is stored."""

_ORIENTATION = 274
"""The tag of EXIF's orientation (CIPA DC-008, 4.6.5)."""

_LOSSY = {b"\xff\xd8\xff": "JPEG", b"RIFF": "WebP"}


@dataclass(frozen=True)
class LabelImage:
    """A label image as its file has it; a data set says which of the two readings holds.

    Attributes:
        ids: uint8 or uint16 (H, W): grey levels, or indices into a palette; None if the colours are no shades of grey.
        colours: uint8 (H, W, 3), RGB, as a viewer shows the file; None for 16-bit files.
        one_channel: the file holds ids by its nature: it is grey or indexed, not RGB.
    """

    ids: NDArray[Any] | None
    colours: NDArray[np.uint8] | None
    one_channel: bool


def read_label_image(path: Path) -> LabelImage:
    """Decodes a label file; what a palette's index, a bit or a channel means is kept apart from its colour.

    It is turned and mirrored as its own EXIF orientation says, as pictures are: in a PNG here, in a TIFF by OpenCV.

    Raises:
        DataError: it cannot be read or decoded, claims to be too large, or is of a lossy format.
    """
    content = read_content(path)
    for start, name in _LOSSY.items():
        if content.startswith(start):
            raise DataError(f"{path} is {name}, which alters class ids as it compresses; give masks as PNG")
    bits, colour_type = _png_depth(content) or (8, None)
    if colour_type == _INDEXED:
        check_size(content, path)
        image = _indexed(content, path)
    else:
        image = label_image(decode(content, path, cv2.IMREAD_UNCHANGED), path, bits=bits)
    orientation = _png_orientation(content)
    if orientation == _UPRIGHT:
        return image
    return replace(image, ids=_shown(image.ids, orientation), colours=_shown(image.colours, orientation))


def label_image(decoded: NDArray[Any], path: Path, *, bits: int = 8) -> LabelImage:
    """The readings of what OpenCV decoded.

    Args:
        decoded: uint8 or uint16 (H, W), (H, W, 3) in BGR or (H, W, 4) in BGRA; alpha is left out.
        path: for messages.
        bits: of a grey level in the file; OpenCV stretches fewer than 8 to the range 0 to 255.

    Raises:
        DataError: the array is of another kind.
    """
    if decoded.dtype not in (np.uint8, np.uint16) or decoded.ndim not in (2, 3):
        raise DataError(f"{path} is {decoded.shape} of {decoded.dtype}, expected class ids or RGB colours in PNG")
    if decoded.ndim == 2:
        if decoded.dtype == np.uint16:
            return LabelImage(decoded, None, True)
        ids = decoded if bits >= 8 else decoded // np.uint8(255 // (2**bits - 1))
        return LabelImage(ids, cv2.cvtColor(decoded, cv2.COLOR_GRAY2RGB).astype(np.uint8, copy=False), True)
    if decoded.shape[2] not in (3, 4):
        raise DataError(f"{path} has {decoded.shape[2]} channels, expected class ids or RGB colours")
    blue, green, red = (decoded[..., channel] for channel in range(3))
    grey = np.array_equal(blue, green) and np.array_equal(green, red)
    colours = None if decoded.dtype == np.uint16 else np.ascontiguousarray(decoded[..., 2::-1])
    if colours is None and not grey:
        raise DataError(f"{path} holds 16-bit colours, expected 8-bit ones, or ids in grey; convert it to 8 bits")
    return LabelImage(np.ascontiguousarray(blue) if grey else None, colours, False)


def _indexed(content: bytes, path: Path) -> LabelImage:
    """The indices of a PNG with a palette, which OpenCV would replace by their colours."""
    import av  # here: only such files need it

    try:
        (frame,) = av.CodecContext.create("png", "r").decode(av.Packet(content))
        indices, palette = frame.to_ndarray()
    except (av.error.FFmpegError, ValueError) as error:
        raise DataError(f"{path} cannot be decoded as an indexed PNG ({error}); is it cut off?") from error
    colours = np.asarray(palette, np.uint8)[:, 1:]  # alpha comes first
    return LabelImage(np.asarray(indices, np.uint8), colours[indices], True)


def _png_depth(content: bytes) -> tuple[int, int] | None:
    """Bits of a sample and colour type of a PNG, from its first chunk (ISO/IEC 15948, 11.2.2); None for other files."""
    return (content[24], content[25]) if content.startswith(PNG) and len(content) > 25 else None


def _png_orientation(content: bytes) -> int:
    """EXIF's orientation of a PNG, 1 to 8, from its chunk eXIf; _UPRIGHT for other files, and where it says none.

    OpenCV leaves it out where it decodes a file unchanged.
    """
    place = len(PNG) if content.startswith(PNG) else len(content)
    with contextlib.suppress(struct.error):  # cut off: whoever decodes it says so
        while place < len(content):
            length, kind = struct.unpack_from(">I4s", content, place)
            if kind == b"eXIf":
                return _orientation(content[place + 8 : place + 8 + length])
            place += 12 + length
    return _UPRIGHT


def _orientation(exif: bytes) -> int:
    """The orientation in a block of EXIF, which is a TIFF's first directory (TIFF 6.0, section 2)."""
    order = "<" if exif.startswith(b"II") else ">"
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, place)
        if tag == _ORIENTATION and 1 <= value <= 8:
            return int(value)
    return _UPRIGHT


def _shown(stored: NDArray[Any] | None, orientation: int) -> NDArray[Any] | None:
    """An array (H, W) or (H, W, 3) as EXIF's orientation has it shown: 5 to 8 exchange rows and columns."""
    if stored is None:
        return None
    shown = stored.swapaxes(0, 1) if orientation >= 5 else stored
    if orientation in (3, 4, 7, 8):
        shown = shown[::-1]
    if orientation in (2, 3, 6, 7):
        shown = shown[:, ::-1]
    return np.ascontiguousarray(shown)
