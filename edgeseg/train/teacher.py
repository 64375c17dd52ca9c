"""Distillation: a bundle's logits as soft targets beside the labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edgeseg import kernels
from edgeseg.arrays import Image, Logits
from edgeseg.bundle import Bundle
from edgeseg.errors import UsageError
from edgeseg.segmenter import load
from edgeseg.train.data import VOID
from edgeseg.train.losses import every, to_label_size
from edgeseg.train.settings import TrainSettings


class Teacher:
    """A bundle of the same classes: one that is shipped, or somebody's large network, imported.

    Its frames may be larger than the crops, in the same proportions: it then sees each crop enlarged. So a network can
    teach itself: "road" gives 76.6 mIoU for CamVid's frames enlarged from 480x360 to 640x480, 75.2 for them as they
    are.

    Attributes:
        about: which bundle, for the run's record; and for frames of which size, where that is not the crops'.
    """

    def __init__(self, name: str, classes: tuple[str, ...], crop: tuple[int, int], settings: TrainSettings) -> None:
        """Loads its fp32 artifact in ONNX Runtime, for crops of that width and height.

        Raises:
            BundleError: there is no such bundle, or it has no fp32 artifact for ONNX Runtime.
            UsageError: it was made for other classes, or for frames smaller than the crops, or of other proportions.
        """
        bundle = Bundle.open(name)
        spec = bundle.spec
        if spec.classes != classes:
            raise UsageError(f"teacher {name} knows the classes {spec.classes}, but the data has {classes}")
        if spec.width * crop[1] != spec.height * crop[0]:
            raise UsageError(
                f"teacher {name} takes frames of {spec.width}x{spec.height}, but crops are {crop[0]}x{crop[1]}, of "
                f"other proportions; give --crop {spec.width}x{spec.height}"
            )
        if spec.width < crop[0]:
            raise UsageError(
                f"teacher {name} takes frames of {spec.width}x{spec.height}, smaller than the crops of "
                f"{crop[0]}x{crop[1]}; give --crop {spec.width}x{spec.height}, or a teacher for larger frames"
            )
        if (spec.width, spec.height) != crop and (spec.width % spec.stride or spec.height % spec.stride):
            raise UsageError(
                f"teacher {name} has a logit every {spec.stride} pixels, which does not divide its frames of "
                f"{spec.width}x{spec.height}, so they cannot be laid over crops of {crop[0]}x{crop[1]}"
            )
        artifact = bundle.artifact(target="onnxruntime", precision="fp32")
        self.about: dict[str, Any] = {"bundle": spec.name, "sha256": artifact.sha256}
        if (spec.width, spec.height) != crop:
            self.about["size"] = f"{spec.width}x{spec.height}"
        self._model = load(bundle, precision="fp32")
        self._weight, self._temperature = settings.soft, settings.temperature

    def loss(self, student: Tensor, stride: int, frames: Tensor, labels: Tensor) -> Tensor:
        """Weighted `soft_loss` of a student's logits (N, C, h, w) for frames (N, 3, H, W), uint8."""
        spec = self._model.spec
        pictures = frames.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        same = pictures.shape[1:3] == (spec.height, spec.width)
        if not same:
            pictures = np.stack([kernels.resize(picture, spec.width, spec.height) for picture in pictures])
        teacher = torch.from_numpy(np.concatenate([self.logits(picture) for picture in pictures])).to(student.device)
        if same:
            return self._weight * soft_loss(student, teacher, labels, (stride, spec.stride), self._temperature)
        height, width = frames.shape[2:]
        step = 1 if height % stride or width % stride else stride  # so that both grids cover the crop and no more
        size = height // step, width // step
        teacher = functional.interpolate(teacher, size, mode="bilinear", align_corners=False)
        return self._weight * soft_loss(student, teacher, labels, (stride, step), self._temperature)

    def logits(self, frame: Image) -> Logits:
        """Logits (1, C, h, w) of a frame of its size (H, W, 3): the mean of what it and its mirror image give.

        "road" gains 0.5 mIoU by it. Where the stride does not divide the width, the two grids would not meet.
        """
        logits = self._model.infer(np.ascontiguousarray(frame[np.newaxis]))
        if frame.shape[1] % self._model.spec.stride:
            return logits
        mirrored = self._model.infer(np.ascontiguousarray(frame[np.newaxis, :, ::-1]))
        return np.asarray((logits + mirrored[..., ::-1]) / 2, np.float32)


def soft_loss(student: Tensor, teacher: Tensor, labels: Tensor, strides: tuple[int, int], temperature: float) -> Tensor:
    """Mean Kullback-Leibler divergence of the student's classes from the teacher's, times the temperature's square.

    G. Hinton, O. Vinyals and J. Dean, "Distilling the Knowledge in a Neural Network", 2015. Pixels that are VOID do not
    count: outside the frame a teacher has nothing to say.

    Args:
        student: logits (N, C, h, w) with the first stride.
        teacher: likewise, with the second.
        labels: (N, H, W), uint8; compared is at the finest stride that both have in them.
        strides: input pixels a logit.
        temperature: divides both logits; the higher it is, the more the unlikely classes count.
    """
    step = math.gcd(*strides)
    labels = every(labels, step)
    labelled = (labels != VOID).float()
    ours, theirs = (
        functional.log_softmax(to_label_size(each.float(), stride // step, *labels.shape[1:]) / temperature, 1)
        for each, stride in zip((student, teacher), strides, strict=True)
    )
    divergence = functional.kl_div(ours, theirs, reduction="none", log_target=True).sum(1)
    return temperature**2 * (divergence * labelled).sum() / labelled.sum().clamp(min=1)
