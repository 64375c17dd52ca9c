"""Distillation: every crop takes its part of the teachers' logits, as it takes its part of the labels."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from edgeseg.errors import OutputError
from edgeseg.train.data import VOID, Batch, Sample
from edgeseg.train.losses import every
from edgeseg.train.settings import TrainSettings
from edgeseg.train.teacher import Teacher
from edgeseg.train.view import look

LARGEST = float(np.finfo(np.float16).max)


class SoftTargets:
    """The mean of the teachers' logits over every picture of a split, each seen once, whole and as it is.

    The student sees the pictures in other colours and sizes, and learns that it is the same street. Computed when a
    picture first comes up, and kept as float16 in a file without a name, which vanishes with the process.
    """

    def __init__(self, teachers: Sequence[Teacher], pictures: Sequence[Sample], settings: TrainSettings, folder: Path):
        """Makes room in `folder`.

        Raises:
            OutputError: there is too little.
        """
        self._teachers, self._pictures = teachers, pictures
        self._weight, self._temperature = settings.soft, settings.temperature
        height, width = pictures[0][1].shape
        self._grid = max((teacher.grid(width, height) for teacher in teachers), key=lambda grid: grid[0] * grid[1])
        shape = (len(pictures), teachers[0].classes, *reversed(self._grid))
        size = 2 * int(np.prod(shape))
        try:
            with tempfile.TemporaryFile(dir=folder) as file:  # the map outlives it
                os.posix_fallocate(file.fileno(), 0, size)  # writing to a map where the disk is full kills the process
                self._logits = np.memmap(file, np.float16, "r+", shape=shape)
        except OSError as error:
            raise OutputError(
                f"cannot keep the teachers' logits in {folder}, {size / 1e6:.1f} MB: {error.strerror}; make room, or "
                "choose another --out"
            ) from error
        self._seen = np.zeros(len(pictures), np.bool_)

    def loss(self, student: Tensor, stride: int, batch: Batch) -> Tensor:
        """Weighted `soft_loss` of a student's logits (N, C, h, w) for a batch."""
        maps = torch.from_numpy(np.stack([self._of(picture) for picture in batch.pictures])).float()
        height, width = student.shape[2:]
        targets = look(maps, [view.coarser(stride) for view in batch.views], width, height)
        known = (batch.labels != VOID) & ~batch.pasted
        middles = every(known, stride).to(student.device)
        return self._weight * soft_loss(student, targets.to(student.device), middles, self._temperature)

    def _of(self, picture: int) -> NDArray[np.float16]:
        if not self._seen[picture]:
            logits = [teacher.logits(self._pictures[picture][0], *self._grid) for teacher in self._teachers]
            self._logits[picture] = np.mean(logits, axis=0).clip(-LARGEST, LARGEST)
            self._seen[picture] = True
        return np.asarray(self._logits[picture])


def soft_loss(student: Tensor, targets: Tensor, known: Tensor, temperature: float) -> Tensor:
    """Mean Kullback-Leibler divergence of the student's classes from the targets', times the temperature's square.

    G. Hinton, O. Vinyals and J. Dean, "Distilling the Knowledge in a Neural Network", 2015.

    Args:
        student: logits (N, C, h, w).
        targets: likewise.
        known: (N, at most h, at most w), bool, where the targets have something to say: not outside the picture.
        temperature: divides both logits; the higher it is, the more the unlikely classes count.
    """
    rows, columns = known.shape[1:]
    ours, theirs = (
        functional.log_softmax(each[..., :rows, :columns].float() / temperature, 1) for each in (student, targets)
    )
    divergence = functional.kl_div(ours, theirs, reduction="none", log_target=True).sum(1)
    return temperature**2 * (divergence * known).sum() / known.sum().clamp(min=1)
