"""SegNet-Basic: the small network of V. Badrinarayanan, A. Kendall and R. Cipolla, "SegNet: A Deep Convolutional
Encoder-Decoder Architecture for Image Segmentation", PAMI 2017.

As in the paper: four levels of one 7x7 convolution of 64 channels, max-unpooling with the encoder's indices, no biases
and no ReLU in the decoder, 1.42M parameters. Unlike it: no local contrast normalisation of the frame; BatchNorm does
that work. And while it is trained each level has a head: four linear levels let little through to the encoder.
"""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from edgeseg.models.blocks import ConvBN, ConvBNReLU, scaled
from edgeseg.models.unpooling_network import UnpoolingNetwork

LEVELS = 4
CHANNELS = 64
KERNEL = 7


class SegNetBasic(UnpoolingNetwork):
    """Logits at the frame's own size, while it is trained at 1/16, 1/8, 1/4 and 1/2 too.

    Args:
        width: of every layer, as a fraction of the paper's 64 channels.
    """

    strides: ClassVar[tuple[int, ...]] = (1, 16, 8, 4, 2)

    def __init__(self, classes: int, width: float = 1.0) -> None:
        channels, decoders = scaled(CHANNELS, width), len(self.strides) - 1
        super().__init__(
            [ConvBNReLU(channels if level else 3, channels, KERNEL) for level in range(LEVELS)],
            [ConvBN(channels, channels, KERNEL) for _ in range(decoders)],
            nn.Conv2d(channels, classes, 1),
            decoders * [channels],
        )


class SegNetBasicQuarter(SegNetBasic):
    """SegNet-Basic without the decoder's last two levels: logits (N, classes, ceil(H / 4), ceil(W / 4)).

    It takes a quarter of the work, a step of its training a third of the time: what SegNet-Basic best starts from.
    """

    strides = (4, 16, 8)
