"""The plain encoder-decoder: strided convolutions down to 1/16, bilinear doubling back up, nothing carried across.

The hourglass that H. Noh, S. Hong and B. Han, "Learning Deconvolution Network for Semantic Segmentation", ICCV 2015,
brought to segmentation, without their pooling switches: everything the decoder knows has passed through the narrowest
map. What SegNet's indices and U-Net's skips are worth is seen against it. Two 3x3 convolutions a level on the way down
(the first with stride 2), one on the way up after each doubling; 1.6M parameters.
"""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from edgeseg.models.blocks import ConvBNReLU, initialise, scaled, upsample_like

CHANNELS = (32, 32, 64, 128, 256)
"""At strides 1, 2, 4, 8 and 16."""


class EncoderDecoder(nn.Module):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, H, W).

    Args:
        width: of every layer, as a fraction of CHANNELS.
    """

    strides = (1,)

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        channels = [scaled(each, width) for each in CHANNELS]
        pairs = list(itertools.pairwise(channels))
        self.stem = ConvBNReLU(3, channels[0])
        self.down = nn.ModuleList(
            nn.Sequential(ConvBNReLU(fine, coarse, stride=2), ConvBNReLU(coarse, coarse)) for fine, coarse in pairs
        )
        self.up = nn.ModuleList(ConvBNReLU(coarse, fine) for fine, coarse in reversed(pairs))
        self.head = nn.Conv2d(channels[0], classes, 1)
        initialise(self)

    def forward(self, frames: Tensor) -> Tensor:
        features = self.stem(frames)
        sizes = []
        for down in self.down:
            sizes.append(features)
            features = down(features)
        for up in self.up:
            features = up(upsample_like(features, sizes.pop()))
        logits: Tensor = self.head(features)
        return logits
