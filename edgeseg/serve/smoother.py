"""Steady masks: one camera's logits, averaged over time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg import kernels
from edgeseg.arrays import Logits
from edgeseg.video.source import Frame

CUT = 0.5
"""Share of the logits' places that have another class than the average has, from which on it is another scene."""


class Smoother:
    """An exponential average, of one frame after the other.

    It begins anew at gaps, cuts, frames of another size, and with another network.

    With weight w, a frame that came n frames ago has the share (1 - w) w^n.
    """

    def __init__(self, weight: float) -> None:
        """Begins.

        Args:
            weight: of the average in the next one, 0 to below 1.
        """
        self._weight = weight
        self._average: Logits | None = None
        self._scene: tuple[object, ...] = ()

    def __call__(self, network: object, frame: Frame, logits: Logits) -> Logits:
        """The average with these logits in it, (1, C, h, w); it is good until the next call.

        Args:
            network: that gave them.
            frame: that the logits are of.
            logits: (1, C, h, w), float32.

        Raises:
            FrameError: logits hold NaN or infinity.
        """
        scene = network, frame.gaps, frame.image.shape, logits.shape
        average, self._average = self._average, None  # an average that fails is not gone on with
        if average is None or scene != self._scene or is_cut(average, logits):
            average = logits.copy()
        else:
            kernels.smooth(logits, average, self._weight)
        self._average, self._scene = average, scene
        return average


def is_cut(average: Logits, logits: Logits) -> bool:
    """Whether logits (1, C, h, w) are of another scene than their average: most places have another class."""
    return bool(np.mean(_classes(average) != _classes(logits)) > CUT)


def _classes(logits: Logits) -> NDArray[Any]:
    """(h, w): of one channel, whether it is above 0."""
    classes: NDArray[Any] = logits[0, 0] > 0 if logits.shape[1] == 1 else np.argmax(logits[0], axis=0)
    return classes
