"""How many frames to give the network in one call: as many as measured fastest here, or one where that gains nothing.

A short measurement answers, once; the answer is kept in the cache folder with all that it depends on:

    batch-9f86d081884c7d65.json
    {"key": {"artifact": "...", "engine": "openvino", "processor": "...", "workers": 2, ...},
     "ms": {"1": 24.9, "2": 24.7, "4": 25.3}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from edgeseg.answers import keep_answer, recall_answer
from edgeseg.arrays import Image
from edgeseg.cache import one_at_a_time
from edgeseg.processor import available_cores, processor
from edgeseg.proof import runtime_version
from edgeseg.segmenter import Segmenter
from edgeseg.turns import time_in_turns

SECONDS = 2.0

GAIN = 0.9
"""A larger number is chosen where it takes less than this share of the time: frames in one call wait for each other."""

FORMAT = 1


@dataclass(frozen=True)
class BatchSize:
    """How many frames gain.

    Attributes:
        ms: milliseconds a frame, with all workers busy, by the number of frames in a call; ascending, from 1. Empty
            where the engine takes one.
    """

    ms: Mapping[int, float]

    @property
    def best(self) -> int:
        """The number to take; 1 where there is no choice."""
        best = 1
        for number, ms in self.ms.items():
            if ms < GAIN * self.ms[best]:
                best = number
        return best

    def __str__(self) -> str:
        figures = ", ".join(f"{ms:.2f} with {number}" for number, ms in self.ms.items())
        frames = "one frame" if self.best == 1 else f"up to {self.best} frames"
        return f"{frames} in a call{f'; ms a frame here: {figures}' if figures else ', the most that it takes'}"


def numbers(most: int) -> list[int]:
    """How many pictures at once are measured: powers of two, and the most that there may be."""
    return sorted({1 << power for power in range(most.bit_length()) if 1 << power < most} | {most})


def choose_batch(model: Segmenter, *, workers: int, say: Callable[[str], None] = lambda _: None) -> BatchSize:
    """The numbers of frames in a call, timed or as remembered.

    Args:
        model: what `edgeseg.load` gave.
        workers: threads that call it at once.
        say: called with a sentence before measuring.

    Raises:
        EngineError: the engine fails.
    """
    if model.batch == 1:
        return BatchSize({})
    key = _key(model, workers)
    known = recall_answer("batch", key, _read)
    if known is not None:
        return known
    with one_at_a_time():  # two that measure at once disturb each other
        known = recall_answer("batch", key, _read)
        if known is not None:
            return known
        say(f"measuring {model.spec.name} with up to {model.batch} frames in a call, once, about {SECONDS:.0f} s")
        size = _measure(model, workers)
        keep_answer("batch", key, {"ms": dict(size.ms)})
        return size


def _measure(model: Segmenter, workers: int) -> BatchSize:
    """Every number gets as many frames through in a turn."""
    spec, counts = model.spec, numbers(model.batch)
    shape = model.batch, spec.height, spec.width, 3
    frames = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    calls = [partial(_infer_all, model, frames, count) for count in counts]
    times = time_in_turns(calls, workers=workers, seconds=SECONDS)
    return BatchSize(
        {count: round(1e3 * each / (workers * len(frames)), 4) for count, each in zip(counts, times, strict=True)}
    )


def _infer_all(model: Segmenter, frames: Image, count: int) -> None:
    for first in range(0, len(frames), count):
        model.infer(frames[first : first + count])


def _key(model: Segmenter, workers: int) -> dict[str, Any]:
    """All that an answer depends on."""
    candidate = model.candidate
    assert candidate is not None  # `load` says what it opened
    return {
        "format": FORMAT,
        "edgeseg": runtime_version("edgeseg"),
        "spec": model.spec.to_json(),
        "artifact": candidate.artifact.sha256,
        "engine": candidate.engine,
        "runtime": runtime_version(candidate.engine.partition(":")[0]),
        "processor": processor(),
        "cores": available_cores(),
        "threads": model.threads,
        "workers": workers,
    }


def _read(fields: Any) -> BatchSize | None:
    """The answer that was kept."""
    ms = {int(number): float(each) for number, each in fields["ms"].items()}
    return BatchSize(ms) if 1 in ms else None
