"""Weights for the pixels at the boundaries of classes, where thin things are all that there is.

After the weight map of O. Ronneberger, P. Fischer and T. Brox, "U-Net", MICCAI 2015; as in the boundary metric, what
counts is the distance to the nearest change of class, and a border to pixels without a label is none.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from edgeseg.train.data import VOID

RADIUS = 2
"""Pixels on either side of a boundary that get the weight."""


def boundary_weights(target: Tensor, weight: float) -> Tensor:
    """1 + `weight` within RADIUS of another class in labels (N, H, W), 1 elsewhere; float32 (N, H, W)."""
    labels = target.float()[:, None]
    void = labels == VOID
    highest = _maximum(labels.masked_fill(void, -1))
    lowest = -_maximum(-labels.masked_fill(void, VOID))
    return 1 + weight * ((highest > lowest) & ~void)[:, 0].float()


def _maximum(values: Tensor) -> Tensor:
    """Over the square around each pixel of (N, 1, H, W), one side at a time."""
    size = 2 * RADIUS + 1
    rows = functional.max_pool2d(values, (size, 1), 1, (RADIUS, 0))
    return functional.max_pool2d(rows, (1, size), 1, (0, RADIUS))
