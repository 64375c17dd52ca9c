"""How far one artifact's answers are from another's, on the same frames; and how fast each is, in the same run."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeseg.agreement import Agreement
from edgeseg.engines import Engine
from edgeseg.measured import Latency
from edgeseg.segmenter import Segmenter

WORKERS = 2
ROUNDS = 15
WARM_UP = 3


@dataclass(frozen=True)
class Difference:
    """Of two artifacts.

    Attributes:
        agreement: percent of the pixels that get the same class, at the input's size.
        per_frame: the same for each frame, in order.
        largest: maximum |difference| of the logits.
        largest_logit: of the reference.
    """

    agreement: float
    per_frame: tuple[float, ...]
    largest: float
    largest_logit: float

    def fact(
        self, against: str, engine: str | None = None, *, data: str | None = None, least: float | None = None
    ) -> Agreement:
        """As a bundle keeps it.

        Args:
            against: the reference's name.
            engine: what ran the artifact.
            data: the name of what the frames are of.
            least: percent that their owner asks for, None for what is usual.
        """
        return Agreement(
            against=against,
            mask_agreement=round(self.agreement, 4),
            worst_frame=round(min(self.per_frame), 4),
            max_difference=self.largest,
            max_logit=self.largest_logit,
            frames=len(self.per_frame),
            engine=engine,
            data=data,
            least=least,
        )


def difference(reference: Segmenter, model: Segmenter, tensors: Iterable[NDArray[np.uint8]]) -> Difference:
    """Runs prepared frames, uint8 (1, H, W, 3), through both."""

    def one(tensor: NDArray[np.uint8]) -> tuple[float, float, float]:
        height, width = tensor.shape[1:3]
        expected, actual = reference.infer(tensor), model.infer(tensor)
        same = model.mask(actual, width, height) == reference.mask(expected, width, height)
        return 100 * float(same.mean()), float(np.abs(actual - expected).max()), float(np.abs(expected).max())

    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(one, tensors))
    shares = tuple(share for share, _, _ in results)
    return Difference(
        statistics.fmean(shares), shares, max(each for _, each, _ in results), max(each for _, _, each in results)
    )


def latencies(engines: Sequence[Engine], tensor: NDArray[np.uint8]) -> list[Latency]:
    """Milliseconds an inference, engine by engine, in turns: whatever else the machine does meets all of them."""
    seconds: list[list[float]] = [[] for _ in engines]
    for turn in range(WARM_UP + ROUNDS):
        for engine, times in zip(engines, seconds, strict=True):
            start = time.perf_counter()
            engine.infer(tensor)
            if turn >= WARM_UP:
                times.append(time.perf_counter() - start)
    return [
        Latency(
            median_ms=round(1e3 * statistics.median(times), 3),
            least_ms=round(1e3 * min(times), 3),
            runs=ROUNDS,
            threads=engine.threads,
            engine=engine.name,
            machine=platform.machine(),
        )
        for engine, times in zip(engines, seconds, strict=True)
    ]
