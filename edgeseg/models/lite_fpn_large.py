"""LiteFPN-large: LiteFPN's design with EfficientNet-Lite2 and wider branches, a teacher for the smaller two.

4.9M parameters, 1.7 times LiteFPN's multiply-accumulates, ImageNet start as LiteFPN's, logits at 1/2.
"""

from __future__ import annotations

from edgeseg.models.efficientnet_lite import LITE2
from edgeseg.models.lite_fpn import LiteFPN


class LiteFPNLarge(LiteFPN):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, ceil(H / 2), ceil(W / 2)); the rest as in LiteFPN."""

    variant = LITE2
    pyramid, narrowest = 128, 48
