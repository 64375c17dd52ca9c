"""How well a network whose labels may overlap segments a labelled split: each label by itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.boundary import boundary_f1
from edgeseg.accuracy.classes import VOID
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.label_dataset import LabelDataset
from edgeseg.accuracy.label_matrix import LabelMatrix
from edgeseg.accuracy.metrics import mean
from edgeseg.measured import Evaluation
from edgeseg.segmenter import Segmenter


def evaluate_labels(
    model: Segmenter, dataset: Dataset, *, workers: int, progress: Callable[[int, int], None] | None = None
) -> Evaluation:
    """What `edgeseg.accuracy.evaluate.evaluate` gives, of a model with a mask for each label.

    Args:
        model: the segmenter.
        dataset: the split; it has every label, and may have more classes.
        workers: threads that load and segment images side by side.
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

    contours = []  # (labels,) an image
    pool = ThreadPoolExecutor(workers)
    try:
        for done, (masks, labels, scores) in enumerate(pool.map(segment, range(len(truth))), start=1):
            matrix.add(masks, labels, ignore=VOID)
            contours.append(scores)
            if progress is not None:
                progress(done, len(truth))
    finally:
        pool.shutdown(cancel_futures=True)
    return Evaluation(
        miou=matrix.miou,
        iou=dict(zip(matrix.classes, matrix.iou.tolist(), strict=True)),
        pixel_accuracy=matrix.pixel_accuracy,
        class_accuracy=matrix.class_accuracy,
        boundary_f1=mean([mean(scores) for scores in contours]),
        class_boundary_f1=dict(zip(matrix.classes, map(mean, np.array(contours).T), strict=True)),
        images=len(truth),
        split=dataset.split,
        data_sha256=dataset.digest,
    )
