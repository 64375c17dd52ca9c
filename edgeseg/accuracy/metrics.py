"""Figures of accuracy, all from one confusion matrix over a whole split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeseg.errors import DataError

Counts = NDArray[np.int64]
Percent = NDArray[np.float64]


class ConfusionMatrix:
    """Counts pixels by true and predicted class.

    Figures are in percent. A class that neither the labels nor the masks hold has no figure: it is nan, and stays out
    of means. A class that the labels hold and that is never found counts 0 in them; leaving it out would flatter.

    Attributes:
        classes: names, in the order of their ids.
        counts: int64 (classes, classes), rows are the truth.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.counts: Counts = np.zeros((len(self.classes), len(self.classes)), np.int64)

    def add(self, mask: NDArray[np.uint8], label: NDArray[np.uint8], *, ignore: int | None) -> None:
        """Counts the pixels of one image; those whose label is `ignore` do not count.

        Args:
            mask: uint8 (H, W), predicted class ids.
            label: uint8 (H, W), true class ids.
            ignore: a label that is no class.

        Raises:
            DataError: the sizes differ, or an id is no class; nothing was counted then.
        """
        if mask.dtype != np.uint8 or label.dtype != np.uint8:
            raise DataError(f"got a mask of {mask.dtype} and a label of {label.dtype}, expected uint8 class ids")
        if mask.shape != label.shape:
            raise DataError(f"mask is {mask.shape}, its label {label.shape}; compare them at the label's size")
        pairs = label.astype(np.uint16).ravel() << 8 | mask.ravel()
        counts = np.bincount(pairs, minlength=1 << 16).reshape(256, 256)
        if ignore is not None:
            counts[ignore] = 0
        size = len(self.counts)
        for what, strays in (("label", counts[size:].sum(axis=1)), ("mask", counts[:, size:].sum(axis=0))):
            if strays.any():
                raise DataError(
                    f"a {what} holds the id {size + int(np.flatnonzero(strays)[0])}, expected 0 to {size - 1}"
                    f"{'' if ignore is None else f' or {ignore} (ignored)'}: does it belong to these classes?"
                )
        self.counts += counts[:size, :size]

    @property
    def pixels(self) -> int:
        """Pixels counted."""
        return int(self.counts.sum())

    @property
    def iou(self) -> Percent:
        """TP / (TP + FP + FN) of each class, float64 (classes,); nan where a class does not occur."""
        return _percent(np.diag(self.counts), self.counts.sum(axis=0) + self.counts.sum(axis=1) - np.diag(self.counts))

    @property
    def miou(self) -> float:
        """Mean of `iou` over the classes that occur in labels or masks; nan before any pixel is counted."""
        return mean(self.iou)

    @property
    def pixel_accuracy(self) -> float:
        """Share of the pixels whose class was found; nan before any pixel is counted."""
        return float(_percent(np.trace(self.counts)[np.newaxis], self.counts.sum()[np.newaxis])[0])

    @property
    def class_accuracy(self) -> float:
        """Mean over the classes in the labels of the share of their pixels that was found."""
        return mean(_percent(np.diag(self.counts), self.counts.sum(axis=1)))


def _percent(part: Counts, whole: Counts) -> Percent:
    """100 * part / whole; nan where the whole is 0."""
    shares = np.full(whole.shape, np.nan)
    np.divide(100.0 * part, whole, out=shares, where=whole > 0)
    return shares


def mean(shares: ArrayLike) -> float:
    """Mean of what is not nan; nan if nothing is."""
    figures = np.asarray(shares, np.float64)
    present = figures[~np.isnan(figures)]
    return float(present.mean()) if present.size else float("nan")
