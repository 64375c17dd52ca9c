"""The shape in which a video is meant to be seen: square pixels, turned and mirrored as its file says.

A network has learned true shapes, so frames are given as a player shows them. Pixels that are not square are made so by
enlarging the shorter direction (240x270 at 2:1 becomes 480x270): nothing that the camera saw is thrown away. Then the
display matrix turns and mirrors the picture.
"""

from __future__ import annotations

import struct
from fractions import Fraction

import cv2
import numpy as np

from edgeseg.arrays import Image

FLATTEST, TALLEST = Fraction(1, 8), Fraction(8)
"""Aspect ratios of a pixel beyond these are taken for errors; the flattest in use is 64:11 (DVD, half width)."""

TOLERANCE = Fraction(1, 200)
"""Pixels that are square to half a percent are left as they are: resampling would cost more than it mends."""

Orientation = tuple[bool, bool, bool]
"""Transpose, then flip horizontally, then flip vertically."""

UPRIGHT: Orientation = (False, False, False)


def square_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Width and height in square pixels of a picture whose pixels are `aspect` times as wide as high; None: square."""
    if aspect is None or not FLATTEST <= aspect <= TALLEST or abs(aspect - 1) <= TOLERANCE:
        return width, height
    if aspect > 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def orientation(matrix: bytes) -> Orientation | None:
    """What a display matrix does, None where it is no multiple of a right angle.

    Args:
        matrix: nine int32 in native order, row by row, 16.16 fixed point in the first two columns: a point (x, y) of
            the stored picture is shown at (a x + c y, b x + d y) for the rows (a, b, _), (c, d, _) (ISO/IEC 14496-12,
            8.2.2; FFmpeg's libavutil/display.h).
    """
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    small = max(abs(a), abs(b), abs(c), abs(d)) / 64  # about one degree
    if abs(b) <= small and abs(c) <= small and a and d:
        return False, a < 0, d < 0
    if abs(a) <= small and abs(d) <= small and b and c:
        return True, c < 0, b < 0
    return None


def oriented(image: Image, orientation: Orientation) -> Image:
    """The (H, W, 3) picture, turned and mirrored; a copy unless it is upright already."""
    transpose, horizontal, vertical = orientation
    if transpose:
        image = np.asarray(cv2.transpose(image), np.uint8)
    if horizontal or vertical:
        image = np.asarray(cv2.flip(image, -1 if horizontal and vertical else int(horizontal)), np.uint8)
    return image
