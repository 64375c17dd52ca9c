"""LiteFPN-nano, our smallest network: EfficientNet-Lite0 up to the first block at 1/32, and a separable pyramid.

LiteFPN's design with what costs little time left in and what costs much taken out. The encoder's last blocks hold most
of its weights: only the first at 1/32 stays, for it sees far and costs 3 % of the time; a 3x3 instead of a 1x1 there
widens the view once more, on a map of 15x12. Most of the time goes into the fine levels, where the pyramid's 3x3 are
depthwise: 64 channels then cost what 32 would densely. 1.1M parameters, ImageNet start as LiteFPN's, logits at 1/4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.models.blocks import ConvBNReLU, SeparableConv, initialise, upsample_like
from edgeseg.models.efficientnet_lite import LITE0, EfficientNetLite0

STAGES = (*LITE0[:5], LITE0[5]._replace(repeats=1))
PYRAMID = 64


class LiteFPNNano(nn.Module):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, ceil(H / 4), ceil(W / 4)).

    In training mode it returns a tuple: the logits, and those of a head at 1/16, which is there for the loss alone.

    Args:
        width: of the pyramid, as a part of 64 channels; the encoder stays as it is.
    """

    strides = (4, 16)

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        pyramid = max(16, round(PYRAMID * width / 16) * 16)
        self.encoder = EfficientNetLite0(STAGES)
        *fine, deepest = self.encoder.channels
        self.context = ConvBNReLU(deepest, pyramid)
        self.project = nn.ModuleList(nn.Conv2d(channels, pyramid, 1) for channels in fine)
        self.smooth = nn.ModuleList(SeparableConv(pyramid, pyramid) for _ in fine)
        self.head = nn.Conv2d(pyramid, classes, 1)
        self.auxiliary = nn.Sequential(ConvBNReLU(fine[-1], pyramid), nn.Conv2d(pyramid, classes, 1))
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
            merged = self.smooth[level](lateral + upsample_like(merged, lateral))
        logits: Tensor = self.head(merged)
        return (logits, self.auxiliary(fine[-1])) if self.training else logits
