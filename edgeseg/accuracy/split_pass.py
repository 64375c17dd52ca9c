"""One pass over a labelled split: images side by side, one matrix over all, boundary scores averaged over images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.metrics import mean
from edgeseg.accuracy.survey import Survey
from edgeseg.errors import DataError
from edgeseg.measured import Evaluation

WORKERS = 2
"""Threads that load and segment images side by side."""


class Matrix(Protocol):
    """What counts the pixels of all images: of classes that exclude one another, or of labels that may overlap."""

    @property
    def classes(self) -> Sequence[str]: ...
    @property
    def iou(self) -> NDArray[np.float64]: ...
    @property
    def miou(self) -> float: ...
    @property
    def pixel_accuracy(self) -> float: ...
    @property
    def class_accuracy(self) -> float: ...
    def add(self, prediction: NDArray[np.uint8], label: NDArray[np.uint8], *, ignore: int | None) -> None: ...


Segmented = tuple[NDArray[np.uint8], NDArray[np.uint8], Sequence[float] | NDArray[np.float64]]
"""Mask and label, as the matrix takes them, and the boundary F1 of each class, in percent."""


def pass_over(
    dataset: Dataset,
    segment: Callable[[int], Segmented],
    matrix: Matrix,
    *,
    ignore: int | None,
    survey: Survey | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """The figures of a split, each of whose images is segmented once.

    Args:
        dataset: the split.
        segment: loads and segments the image of an index; several threads call it.
        matrix: an empty one.
        ignore: the label that counts nowhere; None: all count.
        survey: an empty one, of classes that exclude one another: it counts what the labels hold.
        progress: called after each image with how many are done and how many there are.

    Raises:
        DataError: a file breaks the data set's rules, or no pixel counts.
    """
    contours = []  # (classes,) an image
    pool = ThreadPoolExecutor(WORKERS)
    try:
        for done, (mask, label, scores) in enumerate(pool.map(segment, range(len(dataset))), start=1):
            matrix.add(mask, label, ignore=ignore)
            contours.append(scores)
            if survey is not None:
                survey.add(label)
            if progress is not None:
                progress(done, len(dataset))
    finally:
        pool.shutdown(cancel_futures=True)
    if math.isnan(matrix.pixel_accuracy):
        raise DataError(
            f"{dataset.folder} has no pixel that counts in {dataset.split or 'the whole'}: all are ignored, or of "
            "classes that the network lacks; choose another split, or correct the masks or classes.json (edgeseg data "
            "check shows what they hold)"
        )
    return Evaluation(
        miou=matrix.miou,
        iou=dict(zip(matrix.classes, matrix.iou.tolist(), strict=True)),
        pixel_accuracy=matrix.pixel_accuracy,
        class_accuracy=matrix.class_accuracy,
        boundary_f1=mean([mean(scores) for scores in contours]),
        class_boundary_f1=dict(zip(matrix.classes, map(mean, np.stack(contours, axis=1)), strict=True)),
        images=len(dataset),
        split=dataset.split,
        data_sha256=dataset.digest,
    )
