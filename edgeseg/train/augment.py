"""Augmentation of a frame and its labels: scale, crop, flip, colour. Reproducible from a NumPy generator alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.train.view import View

FILL = 127
"""Grey level outside the frame: what normalisation turns into zero, as the convolutions' own padding."""


class Crop(NamedTuple):
    """A sample of a batch.

    Attributes:
        frame: (height, width, 3), BGR.
        label: (height, width).
        view: of the frame that it was cut from, a cell a pixel.
    """

    frame: NDArray[np.uint8]
    label: NDArray[np.uint8]
    view: View


@dataclass(frozen=True)
class Augmentation:
    """What is done to each sample.

    Attributes:
        width: of a crop, in pixels.
        height: of a crop, in pixels.
        scale: bounds of the random scale, which is log-uniform.
        colour: strength of the colour jitter, 0 to 1.
        focus: probability that a crop is drawn around a pixel of one class, chosen by `rarity`.
        rarity: (classes,) the odds of each class then.
        ignore: the label outside the frame.
    """

    width: int
    height: int
    scale: tuple[float, float]
    colour: float
    focus: float
    rarity: NDArray[np.float64]
    ignore: int

    def __call__(
        self, frame: NDArray[np.uint8], label: NDArray[np.uint8], random: np.random.Generator
    ) -> Crop:
        """A crop of a frame (H, W, 3), BGR, and its label (H, W)."""
        frame = jitter(frame, self.colour, random)
        scale = float(np.exp(random.uniform(*np.log(self.scale))))
        size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
        # Averaging when shrinking: plain bilinear would alias, and the camera's own lens never does.
        shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        frame = np.asarray(cv2.resize(frame, size, interpolation=shrink), np.uint8)
        label = np.asarray(cv2.resize(label, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
        left, top = self._corner(label, random)
        frame, label = self._crop(frame, left, top, FILL), self._crop(label, left, top, self.ignore)
        view = View(left / size[0], 1 / size[0], top / size[1], 1 / size[1])
        if random.random() < 0.5:
            frame, label = frame[:, ::-1], label[:, ::-1]
            view = view._replace(left=(left + self.width) / size[0], across=-view.across)
        return Crop(np.ascontiguousarray(frame), np.ascontiguousarray(label), view)

    def _corner(self, label: NDArray[np.uint8], random: np.random.Generator) -> tuple[int, int]:
        """Left and top of the crop; negative where the frame is smaller than the crop."""
        slack = np.array([label.shape[1] - self.width, label.shape[0] - self.height])
        low, high = np.minimum(slack, 0), np.maximum(slack, 0)
        corner = random.integers(low, high + 1)
        if random.random() < self.focus:
            odds = self.rarity * (np.bincount(label.ravel(), minlength=256)[: len(self.rarity)] > 0)
            if odds.sum() > 0:
                rows, columns = np.nonzero(label == random.choice(len(odds), p=odds / odds.sum()))
                pixel = random.integers(len(rows))
                offset = random.integers((0, 0), (self.width, self.height))
                corner = np.clip(np.array([columns[pixel], rows[pixel]]) - offset, low, high)
        return int(corner[0]), int(corner[1])

    def _crop(self, image: NDArray[np.uint8], left: int, top: int, fill: int) -> NDArray[np.uint8]:
        cut = image[max(top, 0) : max(top, 0) + self.height, max(left, 0) : max(left, 0) + self.width]
        above, before = max(-top, 0), max(-left, 0)
        below, after = self.height - above - cut.shape[0], self.width - before - cut.shape[1]
        if not (above or before or below or after):
            return cut
        border = cv2.copyMakeBorder(cut, above, below, before, after, cv2.BORDER_CONSTANT, value=(fill, fill, fill))
        return np.asarray(border, np.uint8)


def jitter(frame: NDArray[np.uint8], strength: float, random: np.random.Generator) -> NDArray[np.uint8]:
    """Random gamma, contrast, brightness, colour balance and saturation; frame (H, W, 3) BGR.

    At strength 1 the gamma lies in [1/2, 2], contrast and each channel's gain in [0.5, 1.5], brightness within 64
    grey levels, saturation in [0, 2].
    """
    gamma, contrast, brightness, saturation, *gains = random.uniform(-1, 1, 7)
    if strength == 0:
        return frame
    levels = np.linspace(0, 1, 256) ** (2 ** (strength * gamma)) * 255
    levels = (levels - 127.5) * (1 + 0.5 * strength * contrast) + 127.5 + 64 * strength * brightness
    balance = 1 + 0.25 * strength * np.array(gains)
    table = np.clip(np.rint(levels[:, None] * balance), 0, 255).astype(np.uint8)
    frame = np.asarray(cv2.LUT(frame, table[None]), np.uint8)
    keep = 1 + strength * saturation
    grey = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return np.asarray(cv2.addWeighted(frame, keep, grey, 1 - keep, 0), np.uint8)
