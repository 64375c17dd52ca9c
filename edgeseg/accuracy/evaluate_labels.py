"""How well a network whose labels may overlap segments a labelled split: each label by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.boundary import boundary_f1
from edgeseg.accuracy.classes import VOID
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.label_dataset import LabelDataset
from edgeseg.accuracy.label_matrix import LabelMatrix
from edgeseg.accuracy.split_pass import pass_over
from edgeseg.measured import Evaluation
from edgeseg.segmenter import Segmenter


def evaluate_labels(
    model: Segmenter, dataset: Dataset, *, progress: Callable[[int, int], None] | None = None
) -> Evaluation:
    """What `edgeseg.accuracy.evaluate.evaluate` gives, of a model with a mask for each label.

    Args:
        model: the segmenter.
        dataset: the split; it has every label, and may have more classes.
        progress: called after each image with how many are done and how many there are.

    Raises:
        DataError: a label is missing, or a file breaks the data set's rules.
    """
    truth = LabelDataset.of(dataset, model.spec)
    matrix = LabelMatrix(truth.labels)

    def segment(index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], list[float]]:
        frame, labels = truth.load(index)
        masks = model(frame)
        scores = [boundary_f1(*each, 2, ignore=VOID)[1] for each in zip(masks, labels, strict=True)]
        return masks, labels, scores

    return pass_over(dataset, segment, matrix, ignore=VOID, progress=progress)
