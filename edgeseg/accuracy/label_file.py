"""Label images as people have them: grey, indexed, RGB or RGBA, 1 to 16 bits; never a lossy format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.label_kind import label_kind
from edgeseg.errors import DataError
from edgeseg.orientation import orientation, turned
from edgeseg.picture import check_size, decode, read_content
from edgeseg.picture_header import has_more_pictures, without_texts
from edgeseg.tiff import form


@dataclass(frozen=True)
class LabelImage:
    """A label image as its file has it; a data set says which of the two readings holds.

    Attributes:
        ids: uint8 or uint16 (H, W): grey levels, or indices into a palette; None if the colours are no shades of grey.
        colours: uint8 (H, W, 3), RGB, as a viewer shows the file; None for 16-bit files whose levels are not of 8 bits.
        one_channel: the file holds ids by its nature: it is grey or indexed, not RGB.
        one_bit: it has one bit a pixel, 0 for black and 1 for white; as BMP has it, by a palette.
    """

    ids: NDArray[Any] | None
    colours: NDArray[np.uint8] | None
    one_channel: bool
    one_bit: bool = False

    @property
    def black(self) -> bool:
        """Whether it holds nothing but the id 0."""
        return self.ids is not None and not self.ids.any()

    @property
    def coloured(self) -> bool:
        """Whether it shows anything but shades of grey."""
        return self.colours is not None and bool((self.colours != self.colours[..., :1]).any())

    @property
    def black_and_white(self) -> bool:
        """Whether it is grey, not by a palette, and holds no other levels than black and white."""
        if not self.one_channel or self.ids is None or self.colours is None:
            return False
        levels = np.minimum(self.ids, 255)  # white of 16 bits is 255 or 65535
        return bool(np.isin(levels, (0, 255)).all() and (self.colours == levels[..., None]).all())


def read_label_image(path: Path) -> LabelImage:
    """Decodes a label file; what a palette's index, a bit or a channel means is kept apart from its colour.

    It is turned and mirrored as its own EXIF orientation says, as pictures are.

    Raises:
        DataError: it cannot be read or decoded, claims to be too large, is of a lossy format, or holds several images.
    """
    content = read_content(path)
    kind = label_kind(content)
    if kind.lossy is not None:
        raise DataError(f"{path} is {kind.lossy}, which alters class ids as it compresses; give masks as PNG")
    if has_more_pictures(content):
        raise DataError(f"{path} holds several pages or frames, expected one mask; save the one that is meant as PNG")
    if kind.indexed is not None:
        check_size(content, path)
        return _indexed(content, path, kind.indexed, kind.bits)
    decoded = decode(content, path, cv2.IMREAD_UNCHANGED)
    if form(content).straight and decoded.shape[2:] == (4,) and decoded[..., 3].min(initial=255) < 255:
        raise DataError(f"{path} is a TIFF with transparent pixels, whose colours are lost; save it as PNG")
    return label_image(decoded, path, bits=kind.bits)


def label_image(decoded: NDArray[Any], path: Path, *, bits: int = 8) -> LabelImage:
    """The readings of what OpenCV decoded.

    Args:
        decoded: (H, W), (H, W, 3) in BGR or (H, W, 4) in BGRA, whose alpha is left out; uint8 or uint16, or int16 or
            int32 with no other values than -1 and those of uint16.
        path: for messages.
        bits: of a grey level in the file; OpenCV stretches fewer than 8 to the range 0 to 255.

    Raises:
        DataError: the array is of another kind.
    """
    least = decoded.min(initial=0)
    if decoded.dtype in (np.int16, np.int32) and least >= -1 and decoded.max(initial=0) < 1 << 16:
        decoded = decoded.astype(np.uint16)  # -1, which many write for void, becomes 65535
    if decoded.dtype not in (np.uint8, np.uint16) or decoded.ndim not in (2, 3):
        raise DataError(
            f"{path} is {decoded.shape} of {decoded.dtype}, expected class ids of up to 16 bits or RGB colours; save "
            "it as PNG"
        )
    levels = None if least < 0 else _eight_bits(decoded if decoded.ndim == 2 else decoded[..., :3])
    if decoded.ndim == 2:
        ids = decoded if bits >= 8 else decoded // np.uint8(255 // (2**bits - 1))
        return LabelImage(ids, None if levels is None else np.repeat(levels[..., None], 3, axis=2), True, bits == 1)
    if decoded.shape[2] not in (3, 4):
        raise DataError(f"{path} has {decoded.shape[2]} channels, expected class ids or RGB colours")
    blue, green, red = (decoded[..., channel] for channel in range(3))
    grey = np.array_equal(blue, green) and np.array_equal(green, red)
    colours = None if levels is None else np.ascontiguousarray(levels[..., ::-1])
    if colours is None and not grey:
        raise DataError(f"{path} holds 16-bit colours, expected 8-bit ones, or ids in grey; convert it to 8 bits")
    return LabelImage(np.ascontiguousarray(blue) if grey else None, colours, False)


def _eight_bits(decoded: NDArray[Any]) -> NDArray[np.uint8] | None:
    """The 8-bit levels of a file, or of a 16-bit one that holds them as they are or stretched to its range."""
    if decoded.max(initial=0) > 255 and not (decoded % 257).any():
        decoded = decoded // 257
    return decoded.astype(np.uint8, copy=False) if decoded.max(initial=0) <= 255 else None


def _indexed(content: bytes, path: Path, codec: str, bits: int) -> LabelImage:
    """The indices of a file with a palette, which OpenCV would replace by their colours."""
    import av  # here: only such files need it

    if codec == "tiff" and form(content).tiled:
        raise DataError(f"{path} is an indexed TIFF in tiles, which are not read; save it in strips, or as PNG")

    try:
        decoder: Any = av.CodecContext.create(codec, "r")
        (frame,) = decoder.decode(av.Packet(without_texts(content) if codec == "png" else content))
        indices, palette = frame.to_ndarray()
    except (av.error.FFmpegError, ValueError) as error:
        reason = f"cannot be decoded as an indexed {codec.upper()} ({error})"
        raise DataError(f"{path} {reason}; is it cut off? Else save it as PNG") from error
    colours = np.asarray(palette, np.uint8)[:, 1:]  # alpha comes first
    indices = turned(np.asarray(indices, np.uint8), orientation(content))
    black_white = bits == 1 and colours[:2].tolist() == [[0, 0, 0], [255, 255, 255]]
    return LabelImage(indices, colours[indices], True, black_white)
