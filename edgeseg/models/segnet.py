"""SegNet: V. Badrinarayanan, A. Kendall and R. Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder Architecture for
Image Segmentation", PAMI 2017.

The 13 convolutions of VGG16 (K. Simonyan and A. Zisserman, 2015) with BatchNorm, mirrored in the decoder; each decoder
level starts by putting its values where the encoder's maxima lay. 29.45M parameters at width 1. The last convolution
gives the logits, at the frame's own size. All weights start at random: the paper's encoder started from ImageNet. While
it is trained each level has a head, which the paper's does not.
"""

from __future__ import annotations

import itertools

from torch import nn

from edgeseg.models.blocks import ConvBNReLU, scaled
from edgeseg.models.unpooling_network import UnpoolingNetwork

CHANNELS = (64, 128, 256, 512, 512)
"""Of VGG16's levels, at strides 1, 2, 4, 8 and 16."""

CONVOLUTIONS = (2, 2, 3, 3, 3)
"""A level."""


class SegNet(UnpoolingNetwork):
    """Logits at the frame's own size, while it is trained at 1/32, 1/16, 1/8, 1/4 and 1/2 too.

    Args:
        width: of every layer, as a fraction of VGG16's 64 to 512 channels.
    """

    strides = (1, 32, 16, 8, 4, 2)

    def __init__(self, classes: int, width: float = 1.0) -> None:
        channels = [3, *(scaled(each, width) for each in CHANNELS)]
        levels = list(zip(itertools.pairwise(channels), CONVOLUTIONS, strict=True))
        first = channels[1]
        encoder = [_level([fine] + count * [coarse]) for (fine, coarse), count in levels]
        decoder = [_level(count * [coarse] + [fine]) for (fine, coarse), count in reversed(levels[1:])]
        decoder.append(_level([first, first]))
        super().__init__(encoder, decoder, nn.Conv2d(first, classes, 3, padding=1), channels[:0:-1])


def _level(channels: list[int]) -> nn.Sequential:
    return nn.Sequential(*(ConvBNReLU(inputs, outputs) for inputs, outputs in itertools.pairwise(channels)))
