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

MaskOf = Callable[[NDArray[np.float32], int, int], NDArray[Any]]


def resized_logits(logits: NDArray[np.float32], width: int, height: int) -> NDArray[Any]:
    """Class ids (height, width) of logits (C, h, w): resize, then arg-max."""
    large = cv2.resize(logits.transpose(1, 2, 0), (width, height), interpolation=cv2.INTER_LINEAR)
    mask: NDArray[Any] = large.argmax(axis=2)
    return mask


def prepare(task: Task, mask_of: MaskOf = resized_logits) -> Callable[[], Masks]:
    """Opens the session, and runs it once: its first run is slow."""
    session = ort.InferenceSession(task.model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    session.run(None, {name: np.zeros((1, task.height, task.width, 3), np.uint8)})
    palette = np.array(task.palette, np.uint8)[:, ::-1]
    placed_width, placed_height = task.placed
    # Of the letterbox's border only the logits count that a frame's last row or column still reaches into.
    rows, columns = -(-placed_height // task.stride), -(-placed_width // task.stride)
    border = (0, task.height - placed_height, 0, task.width - placed_width)

    def masks() -> Masks:
        capture = cv2.VideoCapture(task.video)
        while True:
            found, frame = capture.read()
            if not found:
                break
            height, width = frame.shape[:2]
            image = cv2.resize(frame, (placed_width, placed_height))
            if any(border):
                image = cv2.copyMakeBorder(image, *border, cv2.BORDER_CONSTANT, value=(task.pad,) * 3)
            logits = session.run(None, {name: image[np.newaxis]})[0][0]
            covered = (
                round(columns * task.stride * width / placed_width),
                round(rows * task.stride * height / placed_height),
            )
            mask = mask_of(logits[:, :rows, :columns], *covered)[:height, :width].astype(np.uint8)
            if task.overlay:
                cv2.addWeighted(frame, 0.5, palette[mask], 0.5, 0)
            yield mask
        capture.release()

    return masks


if __name__ == "__main__":
    take(prepare)
