"""U-Net: O. Ronneberger, P. Fischer and T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
MICCAI 2015.

As in the paper: two 3x3 convolutions a level, 2x2 max-pooling, 2x2 transposed convolutions, concatenated skips, 64
channels at the first of five levels: 31.0M parameters. Unlike it: convolutions are padded so that the output has the
input's size, and each is followed by BatchNorm, which came after the paper and without which it trains poorly.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeseg.models.blocks import ConvBNReLU, initialise, pad_to_multiple

LEVELS = 5


class UNet(nn.Module):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, H, W).

    Args:
        width: of every layer, as a fraction of the paper's 64 to 1024 channels.
    """

    strides = (1,)

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        channels = [max(8, round(64 * width * 2**level)) for level in range(LEVELS)]
        self.down = nn.ModuleList(
            _double(inputs, outputs) for inputs, outputs in zip([3, *channels], channels, strict=False)
        )
        pairs = list(itertools.pairwise(channels))[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(deep, shallow, 2, 2) for shallow, deep in pairs)
        self.merge = nn.ModuleList(_double(2 * shallow, shallow) for shallow, _ in pairs)
        self.head = nn.Conv2d(channels[0], classes, 1)
        initialise(self)

    def forward(self, frames: Tensor) -> Tensor:
        height, width = frames.shape[-2:]
        features = pad_to_multiple(frames, 2 ** (LEVELS - 1))
        skips = []
        for level, down in enumerate(self.down):
            features = down(functional.max_pool2d(features, 2) if level else features)
            skips.append(features)
        skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            features = merge(torch.cat([skips.pop(), up(features)], 1))
        logits: Tensor = self.head(features)
        return logits[..., :height, :width]


def _double(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(ConvBNReLU(inputs, outputs), ConvBNReLU(outputs, outputs))
