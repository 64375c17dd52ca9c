"""One turn of a contender: a task comes in as JSON, the figures go out as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Masks = Iterator[NDArray[np.uint8]]


@dataclass(frozen=True)
class Task:
    """What all contenders do.

    Attributes:
        bundle: folder of the bundle.
        precision: of its artifact that is run.
        model: the ONNX file in it, which takes uint8 (1, height, width, 3) in BGR.
        width: of the network's input.
        height: of the network's input.
        placed: width and height that a frame of the video takes of that input, from the top left.
        pad: grey level of the rest.
        stride: input pixels a logit.
        palette: red, green, blue of each class.
        video: a video file.
        overlay: paint each frame's classes over it, half and half.
        frames: stop after so many.
        masks: .npy file for the masks, (frames, H, W); such a turn is not timed. None for none.
    """

    bundle: str
    precision: str
    model: str
    width: int
    height: int
    placed: list[int]
    pad: int
    stride: int
    palette: list[list[int]]
    video: str
    overlay: bool
    frames: int
    masks: str | None

    def to_text(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))


def take(prepare: Callable[[Task], Callable[[], Masks]]) -> None:
    """Does the task on the command line, and prints what it took.

    The clock runs from the moment at which the model is loaded to the last mask: opening the video counts, as the
    decoder's threads begin to work then.

    Args:
        prepare: loads the model, and returns what opens the video and yields masks, uint8 (H, W), at frame size.
    """
    task = Task(**json.loads(sys.argv[1]))
    start = prepare(task)
    started, spent = time.perf_counter(), time.process_time()
    masks = islice(start(), task.frames)
    if task.masks is not None:
        np.save(Path(task.masks), np.stack(list(masks)))
        return
    frames = sum(1 for _ in masks)
    figures = {
        "frames": frames,
        "seconds": time.perf_counter() - started,
        "core_seconds": time.process_time() - spent,
    }
    print(json.dumps(figures))
