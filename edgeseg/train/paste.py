"""Copy-paste of rare classes: signs, poles and people of one crop are put into another, with their outlines.

G. Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation", CVPR 2021. Theirs
pastes instances anywhere; here every pixel of a rare class stays where it was in its own crop, as a pole stands on the
ground and not in the sky.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RARE = 0.02
"""A class with a smaller share of the labelled pixels is rare: in CamVid poles, signs, fences, people and cyclists."""


def rare_classes(shares: NDArray[np.float64]) -> NDArray[np.intp]:
    """Ids of the rare classes that occur at all.

    Args:
        shares: (classes,) of the labelled pixels.
    """
    return np.flatnonzero((shares > 0) & (shares < RARE))


def rare_pixels(label: NDArray[np.uint8], rare: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Where a label (H, W) has a rare class: bool (H, W)."""
    return np.isin(label, rare)
