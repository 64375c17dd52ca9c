"""LiteFPN, our default network: EfficientNet-Lite0 and a light feature pyramid, logits at 1/4.

The decoder is the top-down half of T.-Y. Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017: 1x1
projections of every level, x2 bilinear + add, a 3x3 after each addition. Additions rather than concatenations, plain
convolutions, nothing that TensorRT or an INT8 engine dislikes. 3.2M parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgeseg.models.blocks import ConvBNReLU, initialise, upsample_like
from edgeseg.models.efficientnet_lite import EfficientNetLite0

PYRAMID = 96


class LiteFPN(nn.Module):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, ceil(H / 4), ceil(W / 4)).

    In training mode it returns a tuple: the logits, and those of a head at 1/16, which is there for the loss alone and
    is left out of what is exported.
    """

    strides = (4, 16)

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        pyramid = max(16, round(PYRAMID * width / 16) * 16)
        self.encoder = EfficientNetLite0()
        self.project = nn.ModuleList(nn.Conv2d(channels, pyramid, 1) for channels in self.encoder.channels)
        self.smooth = nn.ModuleList(ConvBNReLU(pyramid, pyramid) for _ in self.encoder.channels[:-1])
        self.head = nn.Conv2d(pyramid, classes, 1)
        self.auxiliary = nn.Sequential(ConvBNReLU(self.encoder.channels[2], pyramid), nn.Conv2d(pyramid, classes, 1))
        initialise(self)
        with torch.no_grad():  # small first logits: the loss starts near ln(classes)
            self.head.weight.mul_(0.1)

    def load_pretrained(self) -> None:
        """Starts the encoder from ImageNet."""
        self.encoder.load_imagenet()

    def forward(self, frames: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        levels = self.encoder(frames)
        merged = self.project[-1](levels[-1])
        for level in range(len(levels) - 2, -1, -1):
            lateral = self.project[level](levels[level])
            merged = self.smooth[level](lateral + upsample_like(merged, lateral))
        logits: Tensor = self.head(merged)
        return (logits, self.auxiliary(levels[2])) if self.training else logits
