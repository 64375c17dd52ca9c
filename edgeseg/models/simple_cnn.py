"""The simple CNN: 3x3 convolutions one after another at the frame's own size, without any down-sampling.

There is no paper: it is what a beginner draws first, and the measure of what an encoder is worth. Each layer sees one
pixel further in every direction, so 7 layers know 15x15 pixels: enough for colour and texture, too few to tell a
pavement from a road. Its cost shows why networks shrink their maps: 57 000 parameters take 10 GMAC at 480x360.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.models.blocks import ConvBNReLU, initialise, scaled

LAYERS = 7
CHANNELS = 32


class SimpleCNN(nn.Module):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, H, W).

    Args:
        width: of every layer, as a fraction of 32 channels.
    """

    strides = (1,)

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        channels = scaled(CHANNELS, width)
        self.layers = nn.Sequential(
            ConvBNReLU(3, channels), *(ConvBNReLU(channels, channels) for _ in range(LAYERS - 1))
        )
        self.head = nn.Conv2d(channels, classes, 1)
        initialise(self)

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.head(self.layers(frames))
        return logits
