"""How much a network doubts a frame: what is worth a label."""

from __future__ import annotations

import numpy as np

from edgeseg.arrays import Image, Mask
from edgeseg.segmenter import Segmenter


def uncertainty(model: Segmenter, frame: Image) -> float:
    """The mean over all pixels of 1 - tanh(m / 2), m being the margin of the two best logits: 0 (sure) to 1.

    By the logistic function tanh(m / 2) is the share of the better of the two minus that of the other.
    """
    return float(np.mean(1 - np.tanh(model.confidence(frame) / 2)))


def disagreement(mask: Mask, before: Mask | None) -> float:
    """The share of pixels that have another class than in the frame before, 0 to 1; 0 without one of the same size."""
    if before is None or before.shape != mask.shape:
        return 0.0
    return float(np.count_nonzero(mask != before)) / mask.size
