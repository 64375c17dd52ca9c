"""LiteFPN-fused: LiteFPN with plain convolutions down to 1/8, for INT8.

On large maps INT8 kernels take longer for a depthwise convolution's few products than for a plain one's many. There
fused blocks stand, which have no published weights: `python -m lab.front` teaches them the published stages' features.
3.4M parameters, logits at 1/2.
"""

from __future__ import annotations

from edgeseg.models.efficientnet_lite import LITE0, Stage
from edgeseg.models.lite_fpn import LiteFPN

STEM = 16
FRONT = (
    LITE0.stages[0]._replace(repeats=0),  # the stem is the feature at 1/2 itself
    Stage(repeats=2, kernel=3, stride=2, expansion=4, outputs=24, fused=True),
    Stage(repeats=2, kernel=3, stride=2, expansion=4, outputs=40, fused=True),
)
"""The encoder's first stages, down to 1/8."""


class LiteFPNFused(LiteFPN):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, ceil(H / 2), ceil(W / 2)); the rest as in LiteFPN."""

    stages = (*FRONT, *LITE0.stages[len(FRONT) :])
    stem = STEM
