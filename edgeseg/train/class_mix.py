"""ClassMix: half of the classes of one crop are put over another, with their outlines.

V. Olsson et al., "ClassMix: Segmentation-Based Data Augmentation for Semi-Supervised Learning", WACV 2021. Theirs cuts
along the network's own predictions; here the labels are known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pixels_of_half_the_classes(
    label: NDArray[np.uint8], classes: int, random: np.random.Generator
) -> NDArray[np.bool_]:
    """Where a label (H, W) has one of the half, rounded up, of its classes that is drawn: bool (H, W).

    Args:
        classes: how many there are; ids from there on are no classes, and never drawn.
    """
    present = np.flatnonzero(np.bincount(label.ravel(), minlength=256)[:classes])
    return np.isin(label, random.choice(present, (len(present) + 1) // 2, replace=False))
