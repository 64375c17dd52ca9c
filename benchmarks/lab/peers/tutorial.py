"""The script that every tutorial shows: OpenCV reads, ONNX Runtime infers, OpenCV resizes the logits, NumPy decides.

It uses the same ONNX file, which saves it the normalisation in NumPy that tutorials do. Both libraries choose their
own number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from lab.peers.opencv_steps import Frame, MaskOf, masks, resized_logits
from lab.peers.turn import Masks, Task, run_turn


def prepare(task: Task, mask_of: MaskOf = resized_logits) -> Callable[[], Masks]:
    """Opens the session, and runs it once: its first run is slow."""
    session = ort.InferenceSession(task.model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def logits_of(image: Frame) -> NDArray[np.float32]:
        logits: Any = session.run(None, {name: image[np.newaxis]})[0]
        return np.asarray(logits[0], np.float32)

    logits_of(np.zeros((task.height, task.width, 3), np.uint8))
    return masks(task, logits_of, mask_of)


if __name__ == "__main__":
    run_turn(prepare, "onnxruntime", "opencv-python")
