"""The script that every tutorial shows: OpenCV reads, ONNX Runtime infers, OpenCV resizes the logits, NumPy decides.

It uses the same ONNX file, which saves it the normalisation in NumPy that tutorials do. Both libraries choose their
own number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edgeseg.benchmarks.peers.turn import Masks, Task, take


def resized_logits(logits: NDArray[np.float32], width: int, height: int) -> NDArray[Any]:
    """Class ids (height, width) of logits (C, h, w): resize, then arg-max."""
    large = cv2.resize(logits.transpose(1, 2, 0), (width, height), interpolation=cv2.INTER_LINEAR)
    mask: NDArray[Any] = large.argmax(axis=2)
    return mask


def prepare(
    task: Task, mask_of: Callable[[NDArray[np.float32], int, int], NDArray[Any]] = resized_logits
) -> Callable[[], Masks]:
    """Opens the session, and runs it once: its first run is slow."""
    session = ort.InferenceSession(task.model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    session.run(None, {name: np.zeros((1, task.height, task.width, 3), np.uint8)})
    palette = np.array(task.palette, np.uint8)[:, ::-1]

    def masks() -> Masks:
        capture = cv2.VideoCapture(task.video)
        while True:
            found, frame = capture.read()
            if not found:
                break
            height, width = frame.shape[:2]
            tensor = cv2.resize(frame, (task.width, task.height))[np.newaxis]
            logits = session.run(None, {name: tensor})[0][0]
            mask = mask_of(logits, width, height).astype(np.uint8)
            if task.overlay:
                cv2.addWeighted(frame, 0.5, palette[mask], 0.5, 0)
            yield mask
        capture.release()

    return masks


if __name__ == "__main__":
    take(prepare)
