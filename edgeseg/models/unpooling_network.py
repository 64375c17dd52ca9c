"""What SegNet and SegNet-Basic share: an encoder that pools, a decoder that unpools at the places of its maxima.

While it is trained, a head at each coarser level has a loss of its own (C.-Y. Lee et al., "Deeply-Supervised Nets",
AISTATS 2015): nothing but the places goes from the encoder to the decoder at the same level, and from the logits
little comes back through all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from edgeseg.models.blocks import initialise, pad_to_multiple
from edgeseg.models.unpool import max_pool, max_unpool


class UnpoolingNetwork(nn.Module):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, ceil(H / stride), ceil(W / stride)).

    In training mode it returns a tuple: the logits, and those of a head at each of the coarser `strides`, which are
    there for the loss alone.

    Args:
        encoder: a module a level, each before a pooling.
        decoder: a module a level, from the coarsest on, each after an unpooling; the finest may be left out.
        head: from the last of them to the logits.
        channels: of what each level of the decoder unpools.
    """

    strides: ClassVar[tuple[int, ...]]

    def __init__(
        self, encoder: Sequence[nn.Module], decoder: Sequence[nn.Module], head: nn.Conv2d, channels: Sequence[int]
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.head = nn.ModuleList(encoder), nn.ModuleList(decoder), head
        self.auxiliary = nn.ModuleList(nn.Conv2d(each, head.out_channels, 1) for each in channels)
        initialise(self)

    def forward(self, frames: Tensor) -> Tensor | tuple[Tensor, ...]:
        height, width = ((side + self.strides[0] - 1) // self.strides[0] for side in frames.shape[-2:])
        features = pad_to_multiple(frames, 2 ** len(self.encoder))
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
