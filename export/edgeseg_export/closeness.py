"""Whether two computations of the same scores differ by no more than rounding, over several frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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

    They are measured by the widest span that a channel's values have, not by the largest value: a channel that is -1e4
    everywhere, so that its class never wins, would excuse any error of the others.

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
        allowed = self._tolerance * (high + low).max() + ULPS * self._step * np.maximum(high, low)
        return bool((apart <= allowed).all()) and self._turned <= MOST_TURNED * self._count
