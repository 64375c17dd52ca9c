"""LiteFPN-nano, the smallest LiteFPN: a shortened EfficientNet-Lite0, and a separable pyramid that narrows as it grows.

LiteFPN's design without what costs much time. The encoder's last blocks hold most of its weights, and only the first at
1/32 stays, for it sees far and costs 3 % of the time; at 1/16 two of three blocks a stage stay. The pyramid's 3x3 are
depthwise. 0.9M parameters, ImageNet start as LiteFPN's, logits at 1/2.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgeseg.models.blocks import ConvBNReLU, SeparableConv, initialise, scaled, upsample_like
from edgeseg.models.efficientnet_lite import LITE0, STEM, EfficientNetLite, Stage

STAGES = (
    *LITE0.stages[:3],
    *(stage._replace(repeats=2) for stage in LITE0.stages[3:5]),
    LITE0.stages[5]._replace(repeats=1),
)
PYRAMID = (16, 32, 64, 96, 96)
"""Channels at 1/2, 1/4, 1/8, 1/16 and 1/32."""


class LiteFPNNano(nn.Module):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, ceil(H / 2), ceil(W / 2)).

    In training mode it returns a tuple: the logits, and those of a head at 1/16, which is there for the loss alone.

    Args:
        width: of the pyramid, as a fraction of what is above; the encoder stays as it is.
    """

    strides = (2, 16)
    stages: Sequence[Stage] = STAGES
    stem = STEM

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        *fine, deepest = (scaled(channels, width) for channels in PYRAMID)
        self.encoder = EfficientNetLite(LITE0, self.stages, self.stem)
        *features, last = self.encoder.channels
        self.context = ConvBNReLU(last, deepest)
        self.project = nn.ModuleList(nn.Conv2d(*channels, 1) for channels in zip(features, fine, strict=True))
        coarser = (*fine[1:], deepest)
        self.narrow = nn.ModuleList(nn.Conv2d(*channels, 1) for channels in zip(coarser, fine, strict=True))
        self.smooth = nn.ModuleList(SeparableConv(channels, channels) for channels in fine)
        self.head = nn.Conv2d(fine[0], classes, 1)
        self.auxiliary = nn.Sequential(ConvBNReLU(features[-1], fine[-1]), nn.Conv2d(fine[-1], classes, 1))
        initialise(self)
        with torch.no_grad():  # small first logits: the loss starts near ln(classes)
            self.head.weight.mul_(0.1)

    def load_pretrained(self) -> None:
        """Starts the encoder from ImageNet."""
        self.encoder.load_imagenet()

    def forward(self, frames: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        *fine, deepest = self.encoder(frames)
        merged = self.context(deepest)
        for level in range(len(fine) - 1, -1, -1):
            lateral = self.project[level](fine[level])
            merged = self.smooth[level](lateral + upsample_like(self.narrow[level](merged), lateral))
        logits: Tensor = self.head(merged)
        return (logits, self.auxiliary(fine[-1])) if self.training else logits
