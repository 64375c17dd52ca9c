"""The tutorial's shortcut: arg-max at the network's resolution, then nearest neighbour. Less work, another mask."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.benchmarks.peers import tutorial
from edgeseg.benchmarks.peers.turn import take


def nearest(logits: NDArray[np.float32], width: int, height: int) -> NDArray[Any]:
    """Class ids (height, width) of logits (C, h, w): arg-max, then resize."""
    small = logits.argmax(axis=0).astype(np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST))


if __name__ == "__main__":
    take(lambda task: tutorial.prepare(task, nearest))
