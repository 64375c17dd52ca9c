"""What the labels of a split hold: which classes, how much of each, how much that counts nowhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.classes import Classes

MOST_IGNORED = 0.9
"""Share of the pixels that may be ignored before it is taken for a mistake."""


@dataclass
class Survey:
    """Counts over labels.

    Attributes:
        classes: of the data set.
        images: labels that were counted.
        area: pixels of all of them.
        pixels: int64 (256,), by class id or ignore id; of labels that may overlap, by label.
        sizes: labels by (width, height).
    """

    classes: Classes
    images: int = 0
    area: int = 0
    pixels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    _void: int = 0

    def add(self, label: NDArray[np.uint8]) -> None:
        """Counts a label, uint8 (H, W)."""
        counts = np.bincount(label.ravel(), minlength=256)
        self._void += int(counts[len(self.classes.names) :].sum())
        self._add(counts, label)

    def add_masks(self, masks: NDArray[np.uint8]) -> None:
        """Counts masks uint8 (L, H, W) of labels that may overlap: 1 where one holds."""
        counts = np.zeros(256, np.int64)
        counts[: len(masks)] = (masks == 1).sum(axis=(1, 2))
        self._add(counts, masks[0])

    def _add(self, counts: NDArray[np.int64], label: NDArray[np.uint8]) -> None:
        self.images += 1
        self.area += label.size
        self.pixels += counts
        self.sizes[label.shape[1], label.shape[0]] += 1

    @property
    def labelled(self) -> NDArray[np.int64]:
        """Pixels of each class, int64 (classes,)."""
        return self.pixels[: len(self.classes.names)]

    @property
    def ignored(self) -> float:
        """Share of the pixels that count nowhere, 0 to 1."""
        return self._void / self.area if self.area else 1.0

    def share(self, index: int) -> float:
        """Share of the pixels that are of a class, 0 to 1; those of labels that may overlap do not sum up to 1."""
        return float(self.pixels[index]) / max(1, self.area)

    @property
    def absent(self) -> tuple[str, ...]:
        """Classes without a pixel."""
        return tuple(name for name, count in zip(self.classes.names, self.labelled, strict=True) if count == 0)

    @property
    def doubt(self) -> str | None:
        """A sentence where the labels look as if the second of two classes was taken for ignored; else None."""
        if len(self.classes.names) != 2 or set(np.flatnonzero(self.pixels)) != {0, self.classes.ignore}:
            return None
        return f"every pixel is {self.classes.names[0]} or ignored: is the foreground ignored?"

    def faults(self) -> list[str]:
        """What makes training on these labels senseless, one sentence each."""
        faults = []
        if self.absent:
            hint = "" if self.doubt is None else f"; {self.doubt}"
            several = "classes have" if len(self.absent) > 1 else "class has"
            faults.append(f"the {several} no labelled pixel: {', '.join(self.absent)}{hint}")
        if self.ignored > MOST_IGNORED:
            faults.append(f"{100 * self.ignored:.1f} % of the pixels are ignored (id {self.classes.ignore})")
        return faults
