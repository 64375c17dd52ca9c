"""The arrays that pass through edgeseg; their names say what the numbers mean, as the types cannot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A picture in BGR, (H, W, 3), as OpenCV reads it; or a network's input made of one, (1, H, W, 3)."""

Mask = NDArray[np.uint8]
"""Class ids, (H, W)."""

LabelMasks = NDArray[np.uint8]
"""Of labels that may overlap, (L, H, W): 1 where a label holds, else 0."""

Logits = NDArray[np.float32]
"""A network's answer, (1, C, h, w)."""
