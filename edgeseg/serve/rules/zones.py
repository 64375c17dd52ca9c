"""Parts of the picture, and which share of them each class has."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.arrays import Mask

Corner = tuple[float, float]

WHOLE: tuple[Corner, ...] = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
"""The whole picture."""


class ZonePixels:
    """The pixels of a zone: those whose centres lie in its polygon."""

    def __init__(self, corners: Sequence[Corner], height: int, width: int) -> None:
        """Finds them.

        Args:
            corners: of the polygon, (x, y) in fractions of width and height.
            height: of the masks, in pixels.
            width: of the masks, in pixels.
        """
        self.size = (height, width)
        inside = _inside(corners, height, width)
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        self._part = (
            (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)) if len(rows) else (slice(0), slice(0))
        )
        self._inside = np.ascontiguousarray(inside[self._part], np.uint8)
        self.count = int(inside.sum())

    def shares(self, mask: Mask, classes: int) -> NDArray[np.float64]:
        """The share of the zone's pixels that each class has, (classes,), 0 to 1; 0 where the zone has no pixel.

        Args:
            mask: class ids (height, width), or of labels that may overlap (classes, height, width).
            classes: how many there are.
        """
        if not self.count:
            return np.zeros(classes)
        if mask.ndim == 3:
            counts = [np.count_nonzero(self._inside & (plane[self._part] != 0)) for plane in mask]
            return np.asarray(counts, np.float64) / self.count
        part = np.ascontiguousarray(mask[self._part])
        histogram = cv2.calcHist([part], [0], self._inside, [classes], [0, classes])
        return np.asarray(histogram.ravel(), np.float64) / self.count


def _inside(corners: Sequence[Corner], height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels' centres lie inside: in each row between the first edge and the second, the third and the fourth."""
    x, y = np.asarray(corners, np.float64).T * np.array([[width], [height]])
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    inside = np.zeros((height, width), bool)
    for row in range(height):
        at = row + 0.5
        met = (y <= at) != (next_y <= at)
        crossings = np.sort(x[met] + (at - y[met]) * (next_x[met] - x[met]) / (next_y[met] - y[met]))
        starts = np.clip(np.ceil(crossings - 0.5), 0, width).astype(int)
        for begin, end in zip(starts[::2], starts[1::2], strict=True):
            inside[row, begin:end] = True
    return inside
