"""Pictures for people: masks in colour, and a legend that says which colour is what."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.errors import FrameError

Image = NDArray[np.uint8]

_BACKGROUND = (255, 255, 255)
_INK = (0, 0, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def colorize(mask: NDArray[np.uint8], palette: Image) -> Image:
    """A mask as a picture: BGR uint8 (H, W, 3).

    Args:
        mask: class ids, uint8 (H, W); ids without a colour ("ignore") become black.
        palette: BGR uint8 (n, 3).

    Raises:
        FrameError: the mask is not uint8 (H, W).
    """
    if mask.dtype != np.uint8 or mask.ndim != 2:
        raise FrameError(f"mask is {mask.dtype} {mask.shape}, expected uint8 (height, width)")
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(palette)] = palette
    return colours[mask]


def legend(classes: Sequence[str], palette: Image, height: int) -> Image:
    """Names beside their colours, one class a line, as a BGR uint8 (height, width, 3) picture to put beside a frame.

    Args:
        classes: names, in the order of their ids.
        palette: BGR uint8 (n, 3).
        height: of the picture, in pixels; text shrinks to fit.
    """
    line = min(32, height // max(1, len(classes)))
    scale, gap = line / 44, max(1, line // 4)
    text_width = max((cv2.getTextSize(name, _FONT, scale, 1)[0][0] for name in classes), default=0)
    picture = np.full((height, gap + line + text_width + 2 * gap, 3), _BACKGROUND, np.uint8)
    for row, (name, colour) in enumerate(zip(classes, palette, strict=True)):
        top = row * line
        picture[top + gap // 2 : top + line - gap // 2, gap:line] = colour
        baseline = (line + gap, top + round(0.7 * line))
        cv2.putText(picture, name, baseline, _FONT, scale, _INK, 1, cv2.LINE_AA)
    return picture


def beside(image: Image, side: Image) -> Image:
    """Two BGR uint8 pictures of one height, side by side."""
    return np.hstack((image, side))
