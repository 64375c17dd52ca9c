"""How well a bundle segments a labelled split: always through its artifact and the kernels, as it will run."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.boundary import boundary_f1
from edgeseg.accuracy.class_map import IGNORE, ClassMap
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate_labels import evaluate_labels
from edgeseg.accuracy.split_pass import pass_over
from edgeseg.accuracy.survey import Survey
from edgeseg.counted import counted
from edgeseg.errors import EdgeSegWarning
from edgeseg.measured import Evaluation
from edgeseg.segmenter import Segmenter
from edgeseg.terminal import shown_name

if TYPE_CHECKING:
    from rich.table import Table


def evaluate(
    model: Segmenter,
    dataset: Dataset,
    *,
    class_map: ClassMap | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Segments every image once, at its own size, and compares the mask with the label pixel by pixel.

    Labels that may overlap are compared each by itself (edgeseg/accuracy/evaluate_labels.py).

    One scale, no flips, one confusion matrix over the whole split. Load the model with `threads=1`: two images are
    worked on side by side.

    Args:
        model: the segmenter.
        dataset: the split.
        class_map: which of the model's classes mean which of the data's; by default those of equal names.
        progress: called after each image with how many are done and how many there are.

    Raises:
        DataError: no class of the data is the model's, or a file breaks the data set's rules.

    Warns:
        EdgeSegWarning: the foreground seems to be ignored; without `class_map`: not all classes have a partner of the
            same name.
    """
    if not model.spec.head.exclusive:
        return evaluate_labels(model, dataset, progress=progress)
    if class_map is None:
        class_map = ClassMap.of(model.spec.classes, dataset.classes.names)
        for sentence in class_map.sentences():
            warnings.warn(f"{shown_name(dataset.folder)}: {sentence}", EdgeSegWarning, stacklevel=2)
    classes, matrix, survey = class_map, class_map.matrix(), Survey(dataset.classes)
    ignore = dataset.classes.ignore

    def segment(index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64]]:
        frame, label = dataset.load(index)
        mask = model(frame)
        contours = classes.masks(mask), classes.labels(label, ignore)
        return mask, label, boundary_f1(*contours, len(matrix.classes), ignore=IGNORE)

    figures = pass_over(dataset, segment, matrix, ignore=ignore, survey=survey, progress=progress)
    if survey.doubt is not None:
        warnings.warn(f"{shown_name(dataset.folder)}: {survey.doubt}", EdgeSegWarning, stacklevel=2)
    return replace(
        figures,
        renamed=class_map.renamed or None,
        left_over=class_map.left_over if any(class_map.left_over) else None,
    )


def evaluation_table(evaluation: Evaluation) -> Table:
    """The figures for a terminal."""
    from rich.table import Table  # here, so that importing this module stays light
    from rich.text import Text

    images = "" if evaluation.images is None else f"{counted(evaluation.images, 'image')}, "
    table = Table(title=Text(f"{images}split {evaluation.split or 'whole'}"))
    table.add_column("class")
    table.add_column("IoU %", justify="right")
    table.add_column("boundary F1 %", justify="right")
    for name, iou in evaluation.iou.items():
        table.add_row(Text(name), _cell(iou, 1), _cell(evaluation.class_boundary_f1[name], 1))
    table.add_section()
    table.add_row("mean", _cell(evaluation.miou, 2), _cell(evaluation.boundary_f1, 2), style="bold")
    table.add_row("pixel accuracy", _cell(evaluation.pixel_accuracy, 2))
    table.add_row("class accuracy", _cell(evaluation.class_accuracy, 2))
    return table


def _cell(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
