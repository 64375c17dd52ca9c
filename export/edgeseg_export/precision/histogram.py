"""The values of one activation over many frames, in bounded memory, and the ranges that calibration methods take.

`percentile` and `mse` are the usual ones. `entropy` is the search of S. Migacz, "8-bit Inference with TensorRT", GTC
2017: the threshold whose 128 levels lose the least information (Kullback-Leibler) of the distribution of |x|.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Method = Literal["minmax", "percentile", "entropy", "mse"]
METHODS: tuple[Method, ...] = get_args(Method)

HALF = 4096
"""Bins on each side of 0; even, so that doubling the range merges whole bins."""

PERCENTILE = 99.99
"""Of the values that a range must hold; what lies outside saturates."""

LEVELS = 128
"""Of |x| in `entropy`, as in its source."""

SMALLEST = 1e-6
"""Of a limit: a tensor may be all 0."""

FACTORS = np.linspace(0.3, 1.0, 71)
"""Fractions of the full range that `mse` tries."""


class Histogram:
    """Counts values in bins from -limit to limit; the limit is a power of two that doubles when a value exceeds it.

    Attributes:
        low: the smallest value seen.
        high: the largest value seen.
        limit: of the bins.
        counts: int64 (2 * HALF,).
        means: float64 (C,), the mean of each channel; of the last frame alone where their number changes.
        frames: how many were added.
    """

    def __init__(self) -> None:
        self.low = np.inf
        self.high = -np.inf
        self.limit = 0.0
        self.counts: NDArray[np.int64] = np.zeros(2 * HALF, np.int64)
        self.means: NDArray[np.float64] = np.zeros(0)
        self.frames = 0

    def add(self, values: NDArray[np.float32]) -> None:
        """Counts all values of a frame's activation, float32 (1, C, ...); they must be finite.

        A statistic of the frame, with fewer axes, counts as one channel.
        """
        if values.ndim < 2:
            values = values.reshape(1, 1, -1)
        means = values.reshape(*values.shape[:2], -1).mean(axis=(0, 2), dtype=np.float64)
        same = means.shape == self.means.shape  # not so of tokens, of which a frame has as many as it shows things
        self.means = (self.means * self.frames + means) / (self.frames + 1) if same else means
        self.frames += 1
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))
        largest = max(-self.low, self.high)
        if self.limit == 0.0:
            self.limit = float(2.0 ** np.ceil(np.log2(max(largest, SMALLEST))))
        while self.limit < largest:
            pairs = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.pad(pairs, HALF // 2)
            self.limit *= 2
        places = np.floor(values.ravel() * np.float32(HALF / self.limit)).astype(np.int32)
        places += HALF
        np.minimum(places, 2 * HALF - 1, out=places)  # the limit itself
        self.counts += np.bincount(places, minlength=2 * HALF)

    @property
    def masked(self) -> bool:
        """Whether its lowest values lie far below all others, as -1e4 does in masks; those would share a few levels."""
        ratios = (np.arange(2 * HALF) - HALF + 0.5) * (self.limit / HALF) / min(self.low, -SMALLEST)
        far, near = ratios > 1 / 2, np.abs(ratios) < 1 / 8
        return bool(self.counts[far].any() and self.counts[near].any() and not self.counts[~(far | near)].any())

    def range(self, method: Method, *, symmetric: bool) -> tuple[float, float]:
        """Lowest and highest value of the quantised range, 0 within it.

        Args:
            method: how outliers are weighed.
            symmetric: for 255 levels around 0 (int8) rather than 256 from low to high (uint8).
        """
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        if method == "percentile":
            low, high = self._percentile()
        elif method == "entropy":
            threshold = self._entropy()
            low, high = max(low, -threshold), min(high, threshold)
        elif method == "mse":
            low, high = self._least_error(low, high, symmetric)
        if symmetric:
            largest = max(-low, high)
            return -largest, largest
        return low, high

    def _percentile(self) -> tuple[float, float]:
        """The range that leaves out (100 - PERCENTILE) % of the values, shared by the sides that have values."""
        width = self.limit / HALF
        sides = 2 if self.low < 0 < self.high else 1
        outside = self.counts.sum() * (100 - PERCENTILE) / 100 / sides
        cumulative = np.cumsum(self.counts)
        first = int(np.searchsorted(cumulative, outside, side="right"))
        last = int(np.searchsorted(cumulative, cumulative[-1] - outside))
        low = max(self.low, (first - HALF) * width) if self.low < 0 else 0.0
        high = min(self.high, (last + 1 - HALF) * width) if self.high > 0 else 0.0
        return min(low, 0.0), max(high, 0.0)

    def _least_error(self, low: float, high: float, symmetric: bool) -> tuple[float, float]:
        """The fraction of the full range, both ends moved together, whose mean squared error is the least."""
        centres = (np.arange(2 * HALF) - HALF + 0.5) * (self.limit / HALF)
        used = self.counts > 0
        centres, counts = centres[used], self.counts[used]
        if symmetric:
            low, high = -max(-low, high), max(-low, high)
        least, ends = np.inf, (low, high)
        for factor in FACTORS:
            step = factor * (high - low) / (254 if symmetric else 255)
            if step == 0:
                break
            bottom = np.round(factor * low / step)
            top = bottom + (254 if symmetric else 255)
            error = float((counts * (np.clip(np.round(centres / step), bottom, top) * step - centres) ** 2).sum())
            if error < least:
                least, ends = error, (factor * low, factor * high)
        return ends

    def _entropy(self) -> float:
        """The threshold of |x| that keeps the most information in LEVELS levels."""
        counts = (self.counts[HALF:] + self.counts[:HALF][::-1]).astype(np.float64)
        counts[0] = 0.0  # exact zeros after a ReLU say nothing of the scale, and would decide alone
        last = int(np.flatnonzero(counts)[-1]) + 1 if counts.any() else LEVELS
        least, threshold = np.inf, last
        for end in range(LEVELS, last + LEVELS, LEVELS // 2):
            inside = counts[: min(end, HALF)].copy()
            shape = inside.copy()
            inside[-1] += counts[min(end, HALF) :].sum()
            groups = np.minimum(np.arange(len(inside)) * LEVELS // len(inside), LEVELS - 1)
            filled = shape > 0
            totals = np.bincount(groups, shape, LEVELS)
            numbers = np.maximum(np.bincount(groups, filled, LEVELS), 1)
            spread = np.where(filled, (totals / numbers)[groups], 0.0)
            divergence = _divergence(inside, spread)
            if divergence < least:
                least, threshold = divergence, end
        return threshold * self.limit / HALF


def _divergence(truth: NDArray[np.float64], model: NDArray[np.float64]) -> float:
    """Kullback-Leibler divergence of two histograms; infinite where the model lacks what the truth has."""
    if not truth.any() or not model.any():
        return float("inf")
    truth, model = truth / truth.sum(), model / model.sum()
    present = truth > 0
    # The last bin also takes what saturates, and may be empty in the model: smooth it as the source does.
    smooth = np.maximum(model[present], 1e-12)
    return float((truth[present] * np.log(truth[present] / smooth)).sum())
