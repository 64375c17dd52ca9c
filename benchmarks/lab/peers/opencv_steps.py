"""What documentation leaves to OpenCV and NumPy: reading, resizing, resizing the logits, deciding, painting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lab.peers.turn import Masks, Task

Frame = NDArray[np.uint8]
MaskOf = Callable[[NDArray[np.float32], int, int], NDArray[Any]]


def frames(video: str) -> Iterator[Frame]:
    """The frames of a video, uint8 (H, W, 3) in BGR."""
    capture = cv2.VideoCapture(video)
    while True:
        success, frame = capture.read()
        if not success:
            break
        yield np.asarray(frame, np.uint8)
    capture.release()


def resized_logits(logits: NDArray[np.float32], width: int, height: int) -> NDArray[Any]:
    """Class ids (height, width) of logits (C, h, w): resize, then arg-max."""
    large = cv2.resize(logits.transpose(1, 2, 0), (width, height), interpolation=cv2.INTER_LINEAR)
    mask: NDArray[Any] = large.argmax(axis=2)
    return mask


def nearest(logits: NDArray[np.float32], width: int, height: int) -> NDArray[Any]:
    """Class ids (height, width) of logits (C, h, w): arg-max, then resize."""
    small = logits.argmax(axis=0).astype(np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST))


class Letterbox:
    """Where frames lie in the network's input, and its logits over the frames.

    Attributes:
        rows: of logits that a frame reaches into: beyond them is the border alone.
        columns: of logits, likewise.
    """

    def __init__(self, task: Task) -> None:
        self.width, self.height = task.placed
        self.rows, self.columns = -(-self.height // task.stride), -(-self.width // task.stride)
        self.border = (0, task.height - self.height, 0, task.width - self.width)
        self._stride, self._pad = task.stride, task.pad

    def image(self, frame: Frame) -> Frame:
        """The network's input, uint8 (height, width, 3) in BGR."""
        image = cv2.resize(frame, (self.width, self.height))
        if any(self.border):
            image = cv2.copyMakeBorder(image, *self.border, cv2.BORDER_CONSTANT, value=(self._pad,) * 3)
        return np.asarray(image, np.uint8)

    def covered(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in a frame's pixels of `rows` x `columns` logits: a frame's size, or a little more."""
        return (
            round(self.columns * self._stride * width / self.width),
            round(self.rows * self._stride * height / self.height),
        )

    def mask(self, logits: NDArray[np.float32], width: int, height: int, mask_of: MaskOf = resized_logits) -> Frame:
        """The mask, uint8 (height, width), of logits (C, h, w)."""
        mask = mask_of(logits[:, : self.rows, : self.columns], *self.covered(width, height))
        return mask[:height, :width].astype(np.uint8)


def colours(task: Task) -> Frame:
    """A BGR colour a class, uint8 (C, 3)."""
    return np.array(task.palette, np.uint8)[:, ::-1]


def paint(frame: Frame, mask: Frame, palette: Frame) -> Frame:
    """The frame with its classes painted over it, half and half."""
    return np.asarray(cv2.addWeighted(frame, 0.5, palette[mask], 0.5, 0), np.uint8)


def masks(
    task: Task, logits_of: Callable[[Frame], NDArray[np.float32]], mask_of: MaskOf = resized_logits
) -> Callable[[], Masks]:
    """The loop of a script, one frame after the other.

    Args:
        task: what is done.
        logits_of: from a network's input, uint8 (height, width, 3), to logits (C, h, w).
        mask_of: from logits (C, h, w) to class ids.
    """
    letterbox = Letterbox(task)

    def mask_of_frame(frame: Frame) -> Frame:
        height, width = frame.shape[:2]
        return letterbox.mask(logits_of(letterbox.image(frame)), width, height, mask_of)

    return mask_loop(task, mask_of_frame)


def mask_loop(task: Task, mask_of_frame: Callable[[Frame], Frame]) -> Callable[[], Masks]:
    """The same from a function that does a frame as a whole, from BGR (H, W, 3) to class ids (H, W), both uint8."""
    palette = colours(task)

    def loop() -> Masks:
        for frame in frames(task.video):
            mask = mask_of_frame(frame)
            if task.overlay:
                paint(frame, mask, palette)
            yield mask

    return loop
