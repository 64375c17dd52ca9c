"""SegNet-Basic: the small network of V. Badrinarayanan, A. Kendall and R. Cipolla, "SegNet: A Deep Convolutional
Encoder-Decoder Architecture for Image Segmentation", PAMI 2017.

As in the paper: four levels of one 7x7 convolution of 64 channels, max-unpooling with the encoder's indices, no biases
and no ReLU in the decoder, 1.42M parameters. Unlike it: no local contrast normalisation of the frame; BatchNorm does
that work.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.models.blocks import ConvBN, ConvBNReLU, initialise, pad_to_multiple, scaled
from edgeseg.models.unpool import max_pool, max_unpool

LEVELS = 4
CHANNELS = 64
KERNEL = 7


class SegNetBasic(nn.Module):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, H, W).

    Args:
        width: of every layer, as a fraction of the paper's 64 channels.
    """

    strides = (1,)

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        channels = scaled(CHANNELS, width)
        self.encoder = nn.ModuleList(ConvBNReLU(channels if level else 3, channels, KERNEL) for level in range(LEVELS))
        self.decoder = nn.ModuleList(ConvBN(channels, channels, KERNEL) for _ in range(LEVELS))
        self.head = nn.Conv2d(channels, classes, 1)
        initialise(self)

    def forward(self, frames: Tensor) -> Tensor:
        height, width = frames.shape[-2:]
        features = pad_to_multiple(frames, 2**LEVELS)
        remembered = []
        for level in self.encoder:
            features, places = max_pool(level(features))
            remembered.append(places)
        for level in self.decoder:
            features = level(max_unpool(features, remembered.pop()))
        logits: Tensor = self.head(features)
        return logits[..., :height, :width]
