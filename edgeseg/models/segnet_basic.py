"""SegNet-Basic: the small network of V. Badrinarayanan, A. Kendall and R. Cipolla, "SegNet: A Deep Convolutional
Encoder-Decoder Architecture for Image Segmentation", PAMI 2017.

As in the paper: four levels of one 7x7 convolution of 64 channels, max-unpooling with the encoder's indices, no biases
and no ReLU in the decoder, 1.42M parameters. Unlike it: no local contrast normalisation of the frame; BatchNorm does
that work. And while it is trained, a head at each coarser level has a loss of its own (C.-Y. Lee et al.,
"Deeply-Supervised Nets", AISTATS 2015): four linear levels let little through to the encoder.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from edgeseg.models.blocks import ConvBN, ConvBNReLU, initialise, pad_to_multiple, scaled
from edgeseg.models.unpool import max_pool, max_unpool

LEVELS = 4
CHANNELS = 64
KERNEL = 7


class SegNetBasic(nn.Module):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, H, W).

    In training mode it returns a tuple: the logits, and those of a head at 1/16, 1/8, 1/4 and 1/2, which are there for
    the loss alone.

    Args:
        width: of every layer, as a fraction of the paper's 64 channels.
    """

    strides: ClassVar[tuple[int, ...]] = (1, 16, 8, 4, 2)

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        channels, decoders = scaled(CHANNELS, width), len(self.strides) - 1
        self.encoder = nn.ModuleList(ConvBNReLU(channels if level else 3, channels, KERNEL) for level in range(LEVELS))
        self.decoder = nn.ModuleList(ConvBN(channels, channels, KERNEL) for _ in range(decoders))
        self.head = nn.Conv2d(channels, classes, 1)
        self.auxiliary = nn.ModuleList(nn.Conv2d(channels, classes, 1) for _ in range(decoders))
        initialise(self)

    def forward(self, frames: Tensor) -> Tensor | tuple[Tensor, ...]:
        height, width = ((side + self.strides[0] - 1) // self.strides[0] for side in frames.shape[-2:])
        features = pad_to_multiple(frames, 2**LEVELS)
        remembered = []
        for level in self.encoder:
            features, places = max_pool(level(features))
            remembered.append(places)
        coarser = []
        for level in self.decoder:
            coarser.append(features)
            features = level(max_unpool(features, remembered.pop()))
        logits: Tensor = self.head(features)[..., :height, :width]
        if not self.training:
            return logits
        return (logits, *(head(level) for head, level in zip(self.auxiliary, coarser, strict=True)))


class SegNetBasicQuarter(SegNetBasic):
    """SegNet-Basic without the decoder's last two levels: logits (N, classes, ceil(H / 4), ceil(W / 4)).

    It takes a quarter of the work, a step of its training a third of the time: what SegNet-Basic best starts from.
    """

    strides = (4, 16, 8)
