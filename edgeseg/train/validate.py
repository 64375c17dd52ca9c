"""Validation while training, for the curve; the figures that count come from `edgeseg eval` on the artifact."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.metrics import ConfusionMatrix
from edgeseg.models.normalise import FrameToLogits
from edgeseg.train.losses import to_label_size


@torch.no_grad()
def validate(network: nn.Module, stride: int, dataset: Dataset, device: torch.device) -> float:
    """mIoU in percent over a split, at label resolution, float32, frames at their own size."""
    confusion = ConfusionMatrix(dataset.classes.names)
    graph = FrameToLogits(network).eval()
    for frame, label in dataset:
        logits = graph(torch.from_numpy(frame)[None].to(device))
        mask = to_label_size(logits, stride, *label.shape).argmax(1)[0]
        confusion.add(mask.cpu().numpy().astype(np.uint8), label, ignore=dataset.classes.ignore)
    return confusion.miou
