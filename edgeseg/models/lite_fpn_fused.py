"""LiteFPN-fused: LiteFPN-nano with plain convolutions down to 1/8, for INT8.

On large maps INT8 kernels take longer for a depthwise convolution's few products than for a plain one's many: stem and
first stages took half of LiteFPN-nano's time. There fused blocks stand, which have no published weights
(`python -m lab.front` teaches them the published stages' features), and at 1/16 all blocks of EfficientNet-Lite0, for
what that saved. 1.2M parameters, logits at 1/2.
"""

from __future__ import annotations

from edgeseg.models.efficientnet_lite import LITE0, Stage
from edgeseg.models.lite_fpn_nano import LiteFPNNano

STEM = 16
STAGES = (
    LITE0.stages[0]._replace(repeats=0),  # the stem is the feature at 1/2 itself
    Stage(repeats=2, kernel=3, stride=2, expansion=4, outputs=24, fused=True),
    Stage(repeats=2, kernel=3, stride=2, expansion=4, outputs=40, fused=True),
    *LITE0.stages[3:5],
    LITE0.stages[5]._replace(repeats=1),
)


class LiteFPNFused(LiteFPNNano):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, ceil(H / 2), ceil(W / 2)), as LiteFPN-nano's."""

    stages = STAGES
    stem = STEM
