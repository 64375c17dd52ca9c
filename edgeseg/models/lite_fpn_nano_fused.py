"""LiteFPN-nano-fused: LiteFPN-nano with LiteFPN-fused's front, for INT8.

Stem and first stages took half of LiteFPN-nano's time. For what plain convolutions saved, all blocks of
EfficientNet-Lite0 stand at 1/16. 1.2M parameters, logits at 1/2.
"""

from __future__ import annotations

from edgeseg.models.efficientnet_lite import LITE0
from edgeseg.models.lite_fpn_fused import FRONT, STEM
from edgeseg.models.lite_fpn_nano import LiteFPNNano


class LiteFPNNanoFused(LiteFPNNano):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, ceil(H / 2), ceil(W / 2)), as LiteFPN-nano's."""

    stages = (*FRONT, *LITE0.stages[3:5], LITE0.stages[5]._replace(repeats=1))
    stem = STEM
