"""The loss: cross-entropy at label resolution, weighted and mined, with Lovasz and auxiliary heads beside it."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgeseg.train.boundary import boundary_weights
from edgeseg.train.data import VOID
from edgeseg.train.lovasz import lovasz_softmax

OHEM_LEAST = 1 / 16
"""The fraction of the pixels that hard-example mining keeps at least."""

LOVASZ_STEP = 3
"""The Lovasz loss sees every third pixel of every third row, from a random corner: it sorts what it sees, per class."""


AUXILIARY_STEP = 4
"""Auxiliary heads see every fourth pixel of every fourth row: their logits are coarser still."""


def class_weights(shares: NDArray[np.float64]) -> Tensor:
    """1 / ln(1.10 + p) a class, p its share of the pixels (A. Paszke et al., "ENet", 2016), scaled to a mean of 1."""
    weights = 1 / np.log(1.10 + shares)
    return torch.tensor(weights / weights.mean(), dtype=torch.float32)


def to_label_size(logits: Tensor, stride: int, height: int, width: int) -> Tensor:
    """Logits (N, C, h, w) upsampled `stride` times as the runtime's kernel does, cut to (N, C, height, width)."""
    if stride > 1:
        # Contiguous: interpolation over channels_last with 11 channels is several times slower on the CPU.
        logits = functional.interpolate(
            logits.contiguous(), scale_factor=float(stride), mode="bilinear", align_corners=False
        )
    return logits[..., :height, :width]


def every(labels: Tensor, step: int) -> Tensor:
    """The middle label of every `step` x `step` cell of (N, H, W): what logits of that stride are compared with."""
    return labels[..., step // 2 :: step, step // 2 :: step]


class SegmentationLoss(nn.Module):
    """Weighted cross-entropy over the pixels that are not VOID, and Lovasz-softmax of the first head.

    Args:
        weights: (classes,) of the classes, or None.
        ohem: keep the pixels whose true class has a probability under this, at least OHEM_LEAST of all pixels;
            A. Shrivastava et al., "Training Region-based Object Detectors with Online Hard Example Mining", 2016.
            0 keeps all.
        lovasz: weight of the Lovasz-softmax loss.
        auxiliary: weight of each head after the first.
        strides: input pixels a logit, of each head.
        boundary: how much more the first head's pixels near a boundary weigh.
    """

    weights: Tensor | None

    def __init__(
        self,
        weights: Tensor | None,
        ohem: float,
        lovasz: float,
        auxiliary: float,
        strides: tuple[int, ...],
        boundary: float = 0.0,
    ) -> None:
        super().__init__()
        self.register_buffer("weights", weights)
        self.ohem = ohem
        self.lovasz = lovasz
        self.auxiliary = auxiliary
        self.strides = strides
        self.boundary = boundary

    def forward(self, outputs: Tensor | tuple[Tensor, ...], labels: Tensor) -> Tensor:
        """Loss of logits (N, C, h, w), or of a tuple of them, against labels (N, H, W), uint8."""
        heads = outputs if isinstance(outputs, tuple) else (outputs,)
        target = labels.long()
        first, *others = (head.float() for head in heads)
        first = to_label_size(first, self.strides[0], *target.shape[-2:])
        total = self._cross_entropy(first, target, boundary_weights(target, self.boundary) if self.boundary else None)
        if self.lovasz:
            total = total + self.lovasz * self._lovasz(first, target)
        for logits, stride in zip(others, self.strides[1:], strict=True):
            step = math.gcd(stride, AUXILIARY_STEP)
            sparse = every(target, step)
            logits = to_label_size(logits, stride // step, *sparse.shape[-2:])
            total = total + self.auxiliary * self._cross_entropy(logits, sparse)
        return total

    def _lovasz(self, logits: Tensor, target: Tensor) -> Tensor:
        top, left = torch.randint(LOVASZ_STEP, (2,)).tolist()
        logits, target = (each[..., top::LOVASZ_STEP, left::LOVASZ_STEP] for each in (logits, target))
        labelled = target != VOID
        return lovasz_softmax(logits.softmax(1).permute(0, 2, 3, 1)[labelled], target[labelled])

    def _cross_entropy(self, logits: Tensor, target: Tensor, pixel_weights: Tensor | None = None) -> Tensor:
        """Mean over the pixels that count, by the weights of their classes and, if given, their own (N, H, W)."""
        if not self.ohem and pixel_weights is None:
            loss = functional.cross_entropy(logits, target, self.weights, ignore_index=VOID, reduction="sum")
            return loss / self._mass(target)
        losses = functional.cross_entropy(logits, target, ignore_index=VOID, reduction="none").flatten()
        chosen = target.flatten() != VOID
        if self.ohem:
            chosen &= self._hard(losses.detach())
        losses = losses[chosen]
        weights = torch.ones_like(losses) if self.weights is None else self.weights[target.flatten()[chosen]]
        if pixel_weights is not None:
            weights = weights * pixel_weights.flatten()[chosen]
        return (losses * weights).sum() / weights.sum().clamp(min=1)

    def _hard(self, losses: Tensor) -> Tensor:
        """Which pixels hard-example mining keeps, of losses (pixels,)."""
        least = max(1, int(OHEM_LEAST * losses.numel()))
        return losses >= min(-math.log(self.ohem), float(losses.topk(least).values[-1]))

    def _mass(self, target: Tensor) -> Tensor:
        """Sum of the weights of the labelled pixels, never 0: a crop may hold none."""
        labelled = target[target != VOID]
        mass = labelled.numel() if self.weights is None else self.weights[labelled].sum()
        return torch.as_tensor(mass, dtype=torch.float32).clamp(min=1)
