"""Figures of accuracy of labels that may overlap, from one confusion matrix of two classes for each label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.metrics import ConfusionMatrix, Percent, mean
from edgeseg.errors import DataError


class LabelMatrix:
    """Counts pixels by label, and by whether the label holds there.

    Figures are in percent, and have the names and rules of `ConfusionMatrix`: a label that neither the truth nor the
    masks hold has no figure. Where a label does not hold is no class, and has none either.

    Attributes:
        classes: names of the labels.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.classes = tuple(labels)
        self._matrices = [ConfusionMatrix(("not there", label)) for label in self.classes]

    def add(self, mask: NDArray[np.uint8], label: NDArray[np.uint8], *, ignore: int | None) -> None:
        """Counts the pixels of one image; of each label without those that are `ignore` in its truth.

        Args:
            mask: uint8 (L, H, W), predicted: 0 and 1.
            label: uint8 (L, H, W), true: 0, 1 and `ignore`.
            ignore: a level that is neither.

        Raises:
            DataError: the shapes differ, or a level is none of these.
        """
        if mask.shape != label.shape or len(mask) != len(self._matrices):
            raise DataError(f"masks are {mask.shape}, their truth {label.shape}, of {len(self.classes)} labels")
        for matrix, found, true in zip(self._matrices, mask, label, strict=True):
            matrix.add(found, true, ignore=ignore)

    @property
    def iou(self) -> Percent:
        """TP / (TP + FP + FN) of each label, float64 (labels,); nan where a label does not occur."""
        return np.array([matrix.iou[1] for matrix in self._matrices])

    @property
    def miou(self) -> float:
        """Mean of `iou` over the labels that occur; nan before any pixel is counted."""
        return mean(self.iou)

    @property
    def pixel_accuracy(self) -> float:
        """Share of the pixels for which it was found whether the label holds, over all labels together."""
        right = sum(int(np.trace(matrix.counts)) for matrix in self._matrices)
        pixels = sum(matrix.pixels for matrix in self._matrices)
        return 100 * right / pixels if pixels else float("nan")

    @property
    def class_accuracy(self) -> float:
        """Mean over the labels in the truth of the share of their pixels that was found."""
        true = [matrix.counts[1] for matrix in self._matrices]
        return mean([100 * counts[1] / counts.sum() if counts.sum() else float("nan") for counts in true])
