"""SegNet: V. Badrinarayanan, A. Kendall and R. Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder Architecture for
Image Segmentation", PAMI 2017.

The 13 convolutions of VGG16 (K. Simonyan and A. Zisserman, 2015) with BatchNorm, mirrored in the decoder; each decoder
level starts by putting its values where the encoder's maxima lay. 29.45M parameters at width 1. The last convolution
gives the logits, at the frame's own size. All weights start at random: the paper's encoder started from ImageNet.
So while it is trained, heads at the encoder's three coarsest levels and at each coarser level of the decoder have
losses of their own (C.-Y. Lee et al., "Deeply-Supervised Nets", AISTATS 2015).
"""

from __future__ import annotations

import itertools
from typing import ClassVar

from torch import Tensor, nn

from edgeseg.models.blocks import ConvBNReLU, initialise, pad_to_multiple, scaled
from edgeseg.models.unpool import max_pool, max_unpool

CHANNELS = (64, 128, 256, 512, 512)
"""Of VGG16's levels, at strides 1, 2, 4, 8 and 16."""

CONVOLUTIONS = (2, 2, 3, 3, 3)
"""A level."""


class SegNet(nn.Module):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, H, W).

    In training mode it returns a tuple: the logits, and those of the heads on the encoder's way down (1/8, 1/16, 1/32)
    and on the decoder's way up (1/16, 1/8, 1/4, 1/2), which are there for the loss alone.

    Args:
        width: of every layer, as a fraction of VGG16's 64 to 512 channels.
    """

    strides: ClassVar[tuple[int, ...]] = (1, 8, 16, 32, 16, 8, 4, 2)

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        channels = [3, *(scaled(each, width) for each in CHANNELS)]
        levels = list(zip(itertools.pairwise(channels), CONVOLUTIONS, strict=True))
        self.encoder = nn.ModuleList(_level([fine] + count * [coarse]) for (fine, coarse), count in levels)
        self.decoder = nn.ModuleList(
            _level(count * [coarse] + [fine]) for (fine, coarse), count in reversed(levels[1:])
        )
        first = channels[1]
        self.decoder.append(_level([first, first]))
        self.head = nn.Conv2d(first, classes, 3, padding=1)
        down, up = channels[-3:], reversed(channels[1:-1])
        self.auxiliary = nn.ModuleList(nn.Conv2d(each, classes, 1) for each in (*down, *up))
        initialise(self)

    def forward(self, frames: Tensor) -> Tensor | tuple[Tensor, ...]:
        height, width = frames.shape[-2:]
        features = pad_to_multiple(frames, 2 ** len(CHANNELS))
        remembered, down, up = [], [], []
        for level in self.encoder:
            features, places = max_pool(level(features))
            remembered.append(places)
            down.append(features)
        for level in self.decoder:
            features = level(max_unpool(features, remembered.pop()))
            up.append(features)
        logits: Tensor = self.head(features)[..., :height, :width]
        if not self.training:
            return logits
        coarser = [*down[-3:], *up[:-1]]
        return (logits, *(head(level) for head, level in zip(self.auxiliary, coarser, strict=True)))


def _level(channels: list[int]) -> nn.Sequential:
    return nn.Sequential(*(ConvBNReLU(inputs, outputs) for inputs, outputs in itertools.pairwise(channels)))
