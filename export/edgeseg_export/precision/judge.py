"""What a quantised file loses against fp32, on frames that did not calibrate."""

from __future__ import annotations

import math
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from edgeseg.accuracy.classes import VOID
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.label_dataset import LabelDataset
from edgeseg.accuracy.label_matrix import LabelMatrix
from edgeseg.accuracy.metrics import ConfusionMatrix
from edgeseg.arrays import Mask
from edgeseg.errors import DataError
from edgeseg.segmenter import Segmenter
from edgeseg.spec import Spec
from edgeseg_export.precision.calibration_data import CalibrationData
from edgeseg_export.precision.difference import WORKERS


@dataclass(frozen=True)
class Loss:
    """Of one file against fp32, on the same frames; in percent.

    Attributes:
        miou: what it has less than fp32; None where the frames have no labels.
        flipped: pixels that get another class.
        worst: the same in the frame with the most.
    """

    miou: float | None
    flipped: float
    worst: float


class Judge:
    """Frames with fp32's masks: at their own size where they have labels, else at the input's.

    Attributes:
        frames: how many.
        miou: of fp32, in percent; None without labels.
    """

    def __init__(self, reference: Segmenter, data: CalibrationData, images: int) -> None:
        """Runs fp32 on at most `images` of the frames for choosing, evenly spaced.

        Raises:
            DataError: they have labels, of which no pixel counts.
        """
        places = np.unique(np.linspace(0, len(data.choose) - 1, min(images, len(data.choose))).round().astype(int))
        self.frames = len(places)
        self._tensors = [data.choose[place].tensor for place in places]
        self._labels: list[Mask] | None = None
        self._sizes = [(reference.spec.height, reference.spec.width)] * len(places)
        if data.labelled is not None:
            labelled: Dataset | LabelDataset = data.labelled
            self._ignore = data.labelled.classes.ignore
            if not reference.spec.head.exclusive:
                labelled, self._ignore = LabelDataset.of(data.labelled, reference.spec), VOID
            self._labels = [labelled.load(int(place))[1] for place in places]
            self._sizes = [(label.shape[-2], label.shape[-1]) for label in self._labels]
        self._expected = self._masks(reference)
        self.miou = self._miou(self._expected, reference.spec)
        if self.miou is not None and math.isnan(self.miou):
            raise DataError(f"no pixel of the {self.frames} images to measure on counts; measure on more of them")

    def loss(self, model: Segmenter) -> Loss:
        """Of the file that this segmenter runs."""
        masks = self._masks(model)
        flipped = [
            100 * float((mask != other).mean()) for mask, other in zip(masks, self._expected, strict=True)
        ]
        miou = self._miou(masks, model.spec)
        lost = None if miou is None or self.miou is None else self.miou - miou
        return Loss(lost, statistics.fmean(flipped), max(flipped))

    def _masks(self, model: Segmenter) -> list[Mask]:
        def one(tensor: Mask, size: tuple[int, int]) -> Mask:
            return model.mask(model.infer(tensor), size[1], size[0])

        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(one, self._tensors, self._sizes))

    def _miou(self, masks: list[Mask], spec: Spec) -> float | None:
        if self._labels is None:
            return None
        matrix = ConfusionMatrix(spec.classes) if spec.head.exclusive else LabelMatrix(spec.classes)
        for mask, label in zip(masks, self._labels, strict=True):
            matrix.add(mask, label, ignore=self._ignore)
        return matrix.miou
