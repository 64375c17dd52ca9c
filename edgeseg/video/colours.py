"""How a frame's luma and chroma become colours: MatrixCoefficients and TransferCharacteristics of ITU-T H.273."""

from __future__ import annotations

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from edgeseg.arrays import Image
from edgeseg.errors import SourceError

_BT2020, _BT2020_CONSTANT = 9, 10

_UNKNOWN = frozenset({8, *range(11, 18)})
"""YCgCo, ICtCp and others, which swscale would take for BT.601."""


HDR = {16: "PQ", 18: "HLG"}
"""Transfer characteristics of a high dynamic range: taken for the usual ones, they look pale."""

_FULL = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
"""What black and white at 16 and 235 are stretched to (ITU-T H.273, 8.3)."""

DARK = 64
"""The brightest level, of 255, that 14 bits of 16 can reach."""


def settle_matrix(frame: VideoFrame, name: str) -> None:
    """Sees to it that the converter knows a frame's matrix.

    BT.2020's of constant luminance has the coefficients of the other, for which FFmpeg 8 no longer takes it.

    Args:
        frame: as it was decoded.
        name: of the source, for messages.

    Raises:
        SourceError: it names a matrix that FFmpeg's converter does not know.
    """
    form, matrix = frame.format, int(frame.colorspace)
    if len(form.components) < 3 or form.is_rgb or form.has_palette:
        return
    if matrix == _BT2020_CONSTANT:
        frame.colorspace = _BT2020
    if matrix in _UNKNOWN:
        raise SourceError(
            f"{name} names the colour matrix {matrix} (of ITU-T H.273), which FFmpeg's converter does not know; "
            "convert it, for instance with ffmpeg -vf zscale=matrix=709"
        )


def unused_bits(brightest: int) -> str | None:
    """What is to be said of a video of 16 bits a sample whose brightest level, of 255, is this; None: nothing."""
    if not 0 < brightest <= DARK:
        return None
    bits = 8 + (brightest - 1).bit_length()
    return (
        f"has 16 bits a sample, of which {bits} are used, by the brightest value: its frames are given as they are "
        "stored, too dark; stretch them to 16 bits"
    )


def full_range(image: Image, frame: VideoFrame) -> Image:
    """The BGR (H, W, 3) that FFmpeg's converter made of a frame; of grey it takes each range for the full one."""
    is_grey = len(frame.format.components) <= 2 and not frame.format.has_palette  # with alpha or without
    if is_grey and frame.color_range == ColorRange.MPEG:
        return np.asarray(cv2.LUT(image, _FULL), np.uint8)
    return image
