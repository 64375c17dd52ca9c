"""The training split in memory, and batches that depend on nothing but seed, epoch and place in the epoch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.survey import Survey
from edgeseg.counted import counted
from edgeseg.errors import DataError
from edgeseg.progress import progress_bar
from edgeseg.train.augment import Augmentation, Crop
from edgeseg.train.class_mix import pixels_of_half_the_classes
from edgeseg.train.paste import rare_classes, rare_pixels
from edgeseg.train.settings import TrainSettings
from edgeseg.train.view import View

VOID = 255
"""What every ignored pixel is in training labels."""

AHEAD = 3
"""Batches that are made ready while the network works."""

MIXING = 1
"""Sets the generator of what is put over a crop apart from the crop's own."""

Sample = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class Batch:
    """Crops, and where they come from.

    Attributes:
        frames: (N, 3, H, W), uint8, BGR.
        labels: (N, H, W), uint8.
        pictures: (N,), which of the split's each was cut from.
        views: (N,), where.
        pasted: (N, H, W), bool, pixels that are of another picture.
    """

    frames: Tensor
    labels: Tensor
    pictures: list[int]
    views: list[View]
    pasted: Tensor


class TrainingSet:
    """All frames and labels of a split, decoded once.

    Attributes:
        samples: these, as they are.
        shares: (classes,) each class's share of the labelled pixels.
        crop: width and height of what a batch holds.
        steps: batches an epoch; the last, smaller one is left out.
    """

    def __init__(self, dataset: Dataset, settings: TrainSettings) -> None:
        """Reads the whole split.

        Raises:
            DataError: a frame and its labels do not fit, or there are fewer frames than a batch holds.
        """
        if len(dataset) < settings.batch:
            raise DataError(
                f"the split has {counted(len(dataset), 'frame')}, fewer than a batch of {settings.batch}; give a "
                "smaller --batch"
            )
        self.samples: list[Sample] = []
        survey = Survey(dataset.classes)
        with progress_bar("read train", total=len(dataset)) as progress:
            for frame, label in dataset:
                survey.add(label)
                if dataset.classes.ignore is not None:
                    label = np.where(label == dataset.classes.ignore, np.uint8(VOID), label)
                self.samples.append((frame, label))
                progress(len(self.samples))
        labelled = survey.labelled
        if labelled.sum() == 0:
            raise DataError("the split has no labelled pixel: every one has the ignore id; check its masks")
        if survey.faults() and not settings.accept:
            faults = "; ".join(survey.faults())
            raise DataError(f"{faults}; see edgeseg data check, or give --accept to train all the same")
        self.shares = labelled / labelled.sum()
        self.steps = len(self.samples) // settings.batch
        self._settings = settings
        height, width = self.samples[0][0].shape[:2]
        self.crop = settings.crop_size((width, height))
        rarity = np.where(self.shares > 0, 1 / np.sqrt(np.maximum(self.shares, 1e-6)), 0)
        self._rare = rare_classes(self.shares)
        self._augment = Augmentation(
            *self.crop, settings.scale_range(), settings.colour, settings.focus, rarity, VOID
        )

    def batches(self, first: int, last: int) -> Iterator[Batch]:
        """Steps `first` to `last`, counted from the run's start."""
        with ThreadPoolExecutor(2, "augment") as pool:
            ready: deque[list[Future[tuple[int, Crop, NDArray[np.bool_]]]]] = deque()
            for step in range(first, last + AHEAD):
                if step < last:
                    ready.append([pool.submit(self._sample, step, place) for place in range(self._settings.batch)])
                if step >= first + AHEAD or step >= last:
                    if not ready:
                        return
                    pictures, crops, pasted = zip(*(future.result() for future in ready.popleft()), strict=True)
                    yield Batch(
                        frames=torch.from_numpy(np.stack([crop.frame for crop in crops])).permute(0, 3, 1, 2),
                        labels=torch.from_numpy(np.stack([crop.label for crop in crops])),
                        pictures=list(pictures),
                        views=[crop.view for crop in crops],
                        pasted=torch.from_numpy(np.stack(pasted)),
                    )

    def _sample(self, step: int, place: int) -> tuple[int, Crop, NDArray[np.bool_]]:
        """A crop, which picture it is of, and which of its pixels (H, W) are not."""
        epoch, inside = divmod(step, self.steps)
        order = np.random.default_rng((self._settings.seed, epoch)).permutation(len(self.samples))
        picture = int(order[inside * self._settings.batch + place])
        crop = self._augment(*self.samples[picture], np.random.default_rng((self._settings.seed, step, place)))
        random = np.random.default_rng((self._settings.seed, step, place, MIXING))
        pasted = np.zeros_like(crop.label, np.bool_)
        if random.random() < self._settings.class_mix:
            donor = self._donor(random)
            pixels = pixels_of_half_the_classes(donor.label, len(self.shares), random)
            crop, pasted = put_over(crop, donor, pixels), pasted | pixels
        if random.random() < self._settings.paste:
            donor = self._donor(random)
            pixels = rare_pixels(donor.label, self._rare)
            crop, pasted = put_over(crop, donor, pixels), pasted | pixels
        return picture, crop, pasted

    def _donor(self, random: np.random.Generator) -> Crop:
        """A crop of any frame."""
        frame, label = self.samples[random.integers(len(self.samples))]
        return self._augment(frame, label, random)


def put_over(crop: Crop, donor: Crop, pixels: NDArray[np.bool_]) -> Crop:
    """A crop with the frame and label of another one at `pixels`, (H, W)."""
    frame = np.where(pixels[..., None], donor.frame, crop.frame)
    return Crop(frame, np.where(pixels, donor.label, crop.label), crop.view)
