"""Lovasz-softmax: a convex surrogate of 1 - IoU, class by class.

M. Berman, A. Rannen Triki, M. Blaschko, "The Lovasz-Softmax loss: a tractable surrogate for the optimization of the
intersection-over-union measure in neural networks", CVPR 2018, section 2 and algorithm 1.
"""

from __future__ import annotations

import torch
from torch import Tensor


def lovasz_softmax(probabilities: Tensor, target: Tensor) -> Tensor:
    """The loss, a mean over the classes that occur in `target`.

    Args:
        probabilities: (pixels, classes), float.
        target: (pixels,) class ids.

    Returns:
        A scalar in [0, 1]; 0 for no pixel.
    """
    if target.numel() == 0:
        return probabilities.sum() * 0
    present = torch.unique(target)
    truth = (target[None] == present[:, None]).float()  # (present, pixels)
    errors = (truth - probabilities.T[present]).abs()
    errors, order = errors.sort(dim=1, descending=True)
    loss: Tensor = (errors * _jaccard_steps(truth.gather(1, order))).sum(1).mean()
    return loss


def _jaccard_steps(truth: Tensor) -> Tensor:
    """What each pixel, in falling order of its error, adds to the Jaccard loss of the set of wrong pixels."""
    whole = truth.sum(1, keepdim=True)
    intersection = whole - truth.cumsum(1)
    union = whole + (1 - truth).cumsum(1)
    jaccard = 1 - intersection / union
    jaccard[:, 1:] -= jaccard[:, :-1].clone()
    return jaccard
