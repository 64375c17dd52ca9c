"""One turn of a peer: a task comes in as JSON, the figures go out as JSON.

Peers may run in an environment of their own, which has this folder of edgeseg alone: what they import of it needs
NumPy and OpenCV, no more.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Masks = Iterator[NDArray[np.uint8]]


@dataclass(frozen=True)
class Task:
    """What all peers do.

    Attributes:
        bundle: folder of the bundle.
        precision: that the network is to be computed in.
        model: the bundle's ONNX file of that precision, or of fp32 for the peers that convert it themselves; it takes
            uint8 (1, height, width, 3) in BGR.
        float_model: the fp32 network alone, an ONNX file: float32 "image" (1, 3, height, width), normalised, in BGR,
            to float32 "logits" (1, C, h, w).
        mean: grey levels that normalisation subtracts, blue, green, red.
        deviation: by which it divides, blue, green, red.
        calibration: .npy file of inputs, uint8 (N, height, width, 3), for the peers that quantise the network; or None.
        folder: for what a peer converts; kept between turns.
        cores: that may be used.
        width: of the network's input.
        height: of the network's input.
        placed: width and height that a frame of the video takes of that input, from the top left.
        pad: grey level of the rest.
        stride: input pixels a logit.
        palette: red, green, blue of each class.
        video: a video file.
        overlay: paint each frame's classes over it, half and half.
        frames: stop after so many.
        seconds: or with the first mask after that time.
        masks: .npy file for the masks, (frames, H, W); such a turn is not timed. None for none.
    """

    bundle: str
    precision: str
    model: str
    float_model: str
    mean: list[float]
    deviation: list[float]
    calibration: str | None
    folder: str
    cores: int
    width: int
    height: int
    placed: list[int]
    pad: int
    stride: int
    palette: list[list[int]]
    video: str
    overlay: bool
    frames: int
    seconds: float
    masks: str | None

    def to_text(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))


def run_turn(prepare: Callable[[Task], Callable[[], Masks]], *software: str) -> None:
    """Does the task of the command line, and prints its times as the last line.

    The clock runs from the moment at which the model is loaded to the last mask: opening the video counts, as the
    decoder's threads begin to work then.

    Args:
        prepare: loads the model, and returns what opens the video and yields masks, uint8 (H, W), at frame size.
        software: the packages that do the work; their versions are printed too.
    """
    task = Task(**json.loads(sys.argv[1]))
    start = prepare(task)
    if task.masks is not None:
        np.save(Path(task.masks), np.stack(list(islice(start(), task.frames))))
        print(json.dumps({name: version(name) for name in software}))
        return
    wall_start, cpu_start = time.perf_counter(), time.process_time()
    masks = islice(start(), task.frames)
    frames, seconds = 0, 0.0
    for frames, _ in enumerate(masks, 1):  # noqa: B007  it counts
        seconds = time.perf_counter() - wall_start
        if seconds > task.seconds:
            break
    print(json.dumps({"frames": frames, "seconds": seconds, "core_seconds": time.process_time() - cpu_start}))
