"""What a camera's masks came to over a period: the shares of the classes, how sure the network was, how they change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Period:
    """Means over the frames of a period; all are 0 to 1.

    Attributes:
        shares: of the pixels, by class id.
        confidence: how much the best class leads, on average: 1 less `edgeseg.serve.rules.doubt.uncertainty`.
        churn: share of the pixels that have another class than in the frame before.
    """

    shares: tuple[float, ...]
    confidence: float
    churn: float

    @property
    def row(self) -> NDArray[np.float64]:
        """(classes + 2,): shares, confidence, churn."""
        return np.array([*self.shares, self.confidence, self.churn])


class PeriodMeans:
    """Adds frames up until a period is full. Time in which no frames came is no part of it."""

    def __init__(self, seconds: float) -> None:
        """Begins one; `seconds` in which frames come make it full."""
        self._seconds = seconds
        self._last: float | None = None
        self._begin()

    def add(self, captured: float, shares: NDArray[np.float64], confidence: float | None, churn: float | None) -> None:
        """Takes a frame.

        Args:
            captured: in seconds, which never go back.
            shares: (classes,), 0 to 1.
            confidence: None where it was not asked for.
            churn: None where the frame has no neighbour before it.
        """
        self._elapsed += 0.0 if self._last is None else captured - self._last
        self._last = captured
        for name, value in (("shares", shares), ("confidence", confidence), ("churn", churn)):
            if value is not None:
                self._sums[name] = self._sums.get(name, 0.0) + value
                self._counts[name] += 1

    def take(self) -> Period | None:
        """The period, if it is full; the next one begins."""
        if self._elapsed < self._seconds or len(self._counts) < 3:
            return None
        means = {name: total / self._counts[name] for name, total in self._sums.items()}
        self._begin()
        return Period(tuple(means["shares"].tolist()), float(means["confidence"]), float(means["churn"]))

    def gap(self) -> None:
        """The time until the next frame does not count."""
        self._last = None

    def _begin(self) -> None:
        self._elapsed = 0.0
        self._sums: dict[str, Any] = {}  # of what frames had, by its name
        self._counts: Counter[str] = Counter()
