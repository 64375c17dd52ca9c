"""How far a camera's figures are from those of its reference: a control chart of exponentially weighted averages.

Such an average, z = a x + (1 - a) z, shows small shifts that last, and no single odd minute (S. W. Roberts, "Control
Chart Tests Based on Geometric Moving Averages", Technometrics 1, 1959; NIST/SEMATECH e-Handbook of Statistical
Methods, section 6.3.2.4). Its usual limits hold for values that do not depend on each other; minutes of a video do. So
the limits are from the spread that the average itself had in the reference. The mix of classes is one number: the
Jensen-Shannon distance of its average from the reference's mean (J. Lin, IEEE Transactions on Information Theory 37,
1991; that it is a metric: D. M. Endres and J. E. Schindelin, ibid. 49, 2003).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Figure = Literal["mix", "confidence", "churn"]

FIGURES: tuple[Figure, ...] = get_args(Figure)

NEWEST = 0.1
"""The weight of the newest period in the average: half of it is from the last seven periods."""

LEAST_SPREAD: dict[Figure, float] = {"mix": 0.01, "confidence": 0.005, "churn": 0.002}
"""A figure that hardly moved in the reference may move by this: a still scene has no spread at all."""


class Chart:
    """The figures of one reference, and the average of the periods since."""

    def __init__(self, periods: NDArray[np.float64], *, exclusive: bool) -> None:
        """Begins at the reference's mean.

        Args:
            periods: of the reference, (periods, classes + 2), rows of `Period.row`; one at least.
            exclusive: each pixel has one class; else labels may overlap, and the mix is that of the label that changed
                most.
        """
        self._exclusive = exclusive
        self.mean: NDArray[np.float64] = periods.mean(axis=0)
        self.average = self.mean
        series = np.empty_like(periods)
        for at, row in enumerate(periods):
            series[at] = self.average = NEWEST * row + (1 - NEWEST) * self.average
        self.average = self.mean
        values = np.array([self._values(row) for row in series])
        self._centre = dict(zip(FIGURES, values.mean(axis=0).tolist(), strict=True))
        self._spread = {
            figure: max(float(spread), LEAST_SPREAD[figure])
            for figure, spread in zip(FIGURES, values.std(axis=0), strict=True)
        }

    def add(self, row: NDArray[np.float64]) -> None:
        """Takes a period, (classes + 2,)."""
        self.average = NEWEST * row + (1 - NEWEST) * self.average

    def values(self) -> dict[str, float]:
        """Of the average: its mix's distance from the reference's, its confidence and its churn; each 0 to 1."""
        return {figure: float(value) for figure, value in zip(FIGURES, self._values(self.average), strict=True)}

    def deviations(self) -> dict[str, float]:
        """How far each is from the reference, in spreads, 0 or more; a mix that is closer than usual is at 0."""
        found: dict[str, float] = {}
        values = self.values()
        for figure in FIGURES:
            away = (values[figure] - self._centre[figure]) / self._spread[figure]
            found[figure] = max(0.0, away) if figure == "mix" else abs(away)
        return found

    def _values(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        distance = mix_distance(row[:-2], self.mean[:-2], exclusive=self._exclusive)
        return np.array([distance, row[-2], row[-1]])


def mix_distance(shares: NDArray[np.float64], others: NDArray[np.float64], *, exclusive: bool) -> float:
    """The distance of two mixes of classes, (classes,): 0 (alike) to 1 (no class in common).

    Of labels that may overlap, the largest distance that one label's share has, against the rest of the picture.
    """
    if exclusive:
        return jensen_shannon(shares, others)
    return max(
        jensen_shannon(np.array([one, 1 - one]), np.array([other, 1 - other]))
        for one, other in zip(shares, others, strict=True)
    )


def jensen_shannon(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The Jensen-Shannon distance of two distributions (n,), with logarithms to the base 2: 0 to 1."""
    middle = (one + other) / 2
    divergence = (_relative_entropy(one, middle) + _relative_entropy(other, middle)) / 2
    return float(np.sqrt(np.clip(divergence, 0.0, 1.0)))  # rounding may go beyond both


def _relative_entropy(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """In bits; what is 0 in `one` counts nothing."""
    there = one > 0
    return float(np.sum(one[there] * np.log2(one[there] / other[there])))
