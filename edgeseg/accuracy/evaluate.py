"""How well a bundle segments a labelled split: always through its artifact and the kernels, as it will run."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.boundary import boundary_f1
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.metrics import ConfusionMatrix, mean
from edgeseg.errors import DataError
from edgeseg.segmenter import Segmenter

if TYPE_CHECKING:
    from rich.table import Table

WORKERS = 2
"""Threads that load and segment images side by side."""


@dataclass(frozen=True)
class Evaluation:
    """Figures of one split, in percent; nan for a class that occurs in neither labels nor masks.

    Attributes:
        classes: names.
        iou: of each class.
        miou: its mean over the classes that occur.
        pixel_accuracy: share of the pixels whose class was found.
        class_accuracy: mean over the classes of the share of their pixels that was found.
        boundary_f1: mean over the images of what edgeseg.accuracy.boundary gives for their contours.
        class_boundary_f1: of each class, mean over the images whose labels hold it.
        images: how many.
        split: which part of the data set.
        data: SHA-256 of the split's files.
    """

    classes: tuple[str, ...]
    iou: tuple[float, ...]
    miou: float
    pixel_accuracy: float
    class_accuracy: float
    boundary_f1: float
    class_boundary_f1: tuple[float, ...]
    images: int
    split: str | None
    data: str

    def to_json(self) -> dict[str, Any]:
        """A JSON object; null where a figure is not defined."""
        return {
            "miou": _number(self.miou),
            "iou": self._by_class(self.iou),
            "pixel_accuracy": _number(self.pixel_accuracy),
            "class_accuracy": _number(self.class_accuracy),
            "boundary_f1": _number(self.boundary_f1),
            "class_boundary_f1": self._by_class(self.class_boundary_f1),
            "images": self.images,
            "split": self.split,
            "data_sha256": self.data,
        }

    def table(self) -> Table:
        """The figures for a terminal."""
        from rich.table import Table  # here, so that importing this module stays light
        from rich.text import Text

        table = Table(title=Text(f"{self.images} images, split {self.split or 'whole'}"))
        table.add_column("class")
        table.add_column("IoU %", justify="right")
        table.add_column("boundary F1 %", justify="right")
        for name, iou, boundary in zip(self.classes, self.iou, self.class_boundary_f1, strict=True):
            table.add_row(Text(name), _cell(iou, 1), _cell(boundary, 1))
        table.add_section()
        table.add_row("mean", _cell(self.miou, 2), _cell(self.boundary_f1, 2), style="bold")
        table.add_row("pixel accuracy", _cell(self.pixel_accuracy, 2))
        table.add_row("class accuracy", _cell(self.class_accuracy, 2))
        return table

    def _by_class(self, figures: tuple[float, ...]) -> dict[str, float | None]:
        return {name: _number(figure) for name, figure in zip(self.classes, figures, strict=True)}


def evaluate(
    model: Segmenter, dataset: Dataset, *, progress: Callable[[int, int], None] | None = None
) -> Evaluation:
    """Segments every image once, at its own size, and compares the mask with the label pixel by pixel.

    One scale, no flips, one confusion matrix over the whole split. Load the model with `threads=1`: two images are
    worked on side by side.

    Args:
        model: the segmenter.
        dataset: the split.
        progress: called after each image with how many are done and how many there are.

    Raises:
        DataError: the classes are not the model's, or a file breaks the data set's rules.
    """
    if dataset.classes.names != model.spec.classes:
        raise DataError(
            f"{dataset.folder} has the classes {', '.join(dataset.classes.names)}; bundle {model.spec.name} has "
            f"{', '.join(model.spec.classes)}: evaluate on data with the same classes in the same order"
        )
    matrix = ConfusionMatrix(dataset.classes.names)

    ignore = dataset.classes.ignore

    def segment(index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64]]:
        frame, label = dataset.load(index)
        mask = model(frame)
        return mask, label, boundary_f1(mask, label, len(matrix.classes), ignore=ignore)

    contours = []  # (classes,) an image
    pool = ThreadPoolExecutor(WORKERS)
    try:
        for done, (mask, label, scores) in enumerate(pool.map(segment, range(len(dataset))), start=1):
            matrix.add(mask, label, ignore=ignore)
            contours.append(scores)
            if progress is not None:
                progress(done, len(dataset))
    finally:
        pool.shutdown(cancel_futures=True)
    return Evaluation(
        classes=matrix.classes,
        iou=tuple(matrix.iou.tolist()),
        miou=matrix.miou,
        pixel_accuracy=matrix.pixel_accuracy,
        class_accuracy=matrix.class_accuracy,
        boundary_f1=mean([mean(scores) for scores in contours]),
        class_boundary_f1=tuple(mean(scores) for scores in np.stack(contours, axis=1)),
        images=len(dataset),
        split=dataset.split,
        data=dataset.digest,
    )


def _cell(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _number(value: float) -> float | None:
    """Rounded to what one pixel in a million can change; None for nan, which JSON does not have."""
    return None if math.isnan(value) else round(value, 4)
