"""The engine alone: its artifact, on tensors of real frames that lie in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from edgeseg.arrays import Image
from edgeseg.segmenter import Segmenter
from edgeseg.video.open import open_source
from edgeseg_bench.windows import Window

INCLUDED = "one call of the engine: uint8 tensor in, logits in the caller's memory out"
EXCLUDED = "decoding, resize, arg-max, waiting"

_Item = TypeVar("_Item")

TENSORS = 32
"""Different frames; they take turns, so that no cache holds an answer's way."""


def tensors_of(model: Segmenter, video: Path) -> list[Image]:
    """The network's inputs of the first frames of a video, each (1, H, W, 3), uint8."""
    with open_source(video) as source:
        return [model.prepare(frame.image).copy() for frame in islice(source, TENSORS)]


def measure(call: Callable[[_Item], object], items: Sequence[_Item], *, frames: int, workers: int) -> Window:
    """One window: `workers` threads call `call` one after the other, without a pause, `frames` times in all.

    Args:
        call: what is timed, such as a segmenter's `infer`.
        items: that it is called with, in turns.
        frames: calls in all.
        workers: threads that call.
    """
    turns = iter(range(frames))
    turn = threading.Lock()

    def work() -> list[float]:
        durations: list[float] = []
        while True:
            with turn:
                number = next(turns, None)
            if number is None:
                return durations
            start = time.perf_counter()
            call(items[number % len(items)])
            durations.append(1e3 * (time.perf_counter() - start))

    with ThreadPoolExecutor(workers, thread_name_prefix="edgeseg-bench") as pool:
        start, cpu_start = time.perf_counter(), time.process_time()
        running = [pool.submit(work) for _ in range(workers)]
        samples = [sample for worker in running for sample in worker.result()]
        return Window(tuple(samples), time.perf_counter() - start, time.process_time() - cpu_start)
