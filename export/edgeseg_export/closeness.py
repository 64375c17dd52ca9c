"""Whether two computations of the same scores differ by no more than rounding, over several frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_AGREEMENT = 99.9
"""Percent of the pixels that must have the same class."""

TOLERANCE = 1e-3
"""Of the span of a tensor's values: float32 sums in another order differ by about 1e-6, a wrong layer by 1e-1."""

HALF_TOLERANCE = 2e-2
"""As TOLERANCE, for networks in float16, whose sums round coarsely and in another order."""

ULPS = 8
"""Steps of a channel's own type that its largest value may move, however little it varies."""

MOST_TURNED = 1e-3
"""The fraction of whole numbers that rounding may turn into their neighbours."""


class Closeness:
    """Collects scores that are computed in two ways.

    Each channel is measured by the span of its own values, not by the largest of all: one of -1e4, so that its class
    never wins, would excuse any error of the others. One that varies little is measured by the median of the spans:
    rounding grows with what a network adds up, not with what is left of it. In float16 it is by the widest: where
    scores are small probabilities, a softmax makes several percent of the rounding before it.

    Attributes:
        difference: largest |difference|.
        largest: largest |value| of the reference.
    """

    def __init__(self, *, half: bool = False, whole: bool = False) -> None:
        """Begins with nothing.

        Args:
            half: one of them is computed in float16.
            whole: the scores are whole numbers, less one threshold: rounding before them turns a few by 1.
        """
        self._half = half
        self._tolerance = HALF_TOLERANCE if half else TOLERANCE
        self._step = float(np.finfo(np.float16 if half else np.float32).eps)
        self._whole = whole
        self._turned = self._count = 0
        self._channels: NDArray[Any] | None = None
        self.difference = self.largest = 0.0

    def add(self, actual: NDArray[Any], expected: NDArray[Any]) -> None:
        """Takes the scores of a frame, (1, C, h, w) both."""
        axes = (0, 2, 3)
        with np.errstate(invalid="ignore"):  # infinities, which are no numbers then, and not close
            apart = np.abs(actual - expected)
        self.difference = float(np.maximum(self.difference, apart.max()))  # where max() would lose a NaN
        self.largest = max(self.largest, float(np.abs(expected).max()))
        if self._whole:
            turned = np.abs(apart - 1) <= self._tolerance
            self._turned += int(turned.sum())
            apart = np.where(turned, 0, apart)
        self._count += apart.size
        found = np.stack([apart.max(axes), expected.max(axes), -expected.min(axes)])
        self._channels = found if self._channels is None else np.maximum(self._channels, found)

    @property
    def close(self) -> bool:
        """Whether they differ by rounding alone."""
        if self._channels is None:
            return True
        apart, high, low = self._channels
        spans = high + low
        usual = spans.max() if self._half else np.quantile(spans, 0.5, method="lower")
        allowed = self._tolerance * np.maximum(spans, usual) + ULPS * self._step * np.maximum(high, low)
        close = np.isfinite(apart) & (apart <= allowed)  # infinity would excuse itself
        return bool(close.all()) and self._turned <= MOST_TURNED * self._count
