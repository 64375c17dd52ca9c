"""LiteFPN, our default network: EfficientNet-Lite0 and a light feature pyramid, logits at 1/2.

The decoder is the top-down half of T.-Y. Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017: 1x1
projections of every level, x2 bilinear + add, a 3x3 after each addition. Additions rather than concatenations, plain
convolutions, nothing that TensorRT or an INT8 engine dislikes. It ends at 1/4; a narrow branch corrects its logits at
1/2, where thin things have their outlines. 3.3M parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgeseg.models.blocks import ConvBNReLU, initialise, scaled, upsample_like
from edgeseg.models.efficientnet_lite import LITE0, STEM, EfficientNetLite, Stage


class LiteFPN(nn.Module):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, ceil(H / 2), ceil(W / 2)).

    In training mode it returns a tuple: the logits, and those of a head at 1/16, which is there for the loss alone and
    is left out of what is exported.

    Args:
        width: of the pyramid, as a fraction; the encoder stays as it is.

    Attributes:
        variant: the encoder.
        stages: its first rows, where they are not those of the variant.
        stem: channels of its first convolution.
        pyramid: channels of the pyramid, from 1/32 to 1/4.
        narrowest: channels of the branch at 1/2.
    """

    strides = (2, 16)
    variant = LITE0
    stages: Sequence[Stage] | None = None
    stem = STEM
    pyramid, narrowest = 96, 32

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        pyramid, detail = scaled(self.pyramid, width), scaled(self.narrowest, width)
        self.encoder = EfficientNetLite(self.variant, self.stages, self.stem)
        half, *coarser = self.encoder.channels
        self.project = nn.ModuleList(nn.Conv2d(channels, pyramid, 1) for channels in coarser)
        self.smooth = nn.ModuleList(ConvBNReLU(pyramid, pyramid) for _ in coarser[:-1])
        self.head = nn.Conv2d(pyramid, classes, 1)
        self.narrow = nn.Conv2d(pyramid, detail, 1)
        self.detail = nn.Conv2d(half, detail, 1)
        self.refine = ConvBNReLU(detail, detail)
        self.correct = nn.Conv2d(detail, classes, 1)
        self.auxiliary = nn.Sequential(ConvBNReLU(coarser[2], pyramid), nn.Conv2d(pyramid, classes, 1))
        initialise(self)
        with torch.no_grad():  # small first logits: the loss starts near ln(classes)
            self.head.weight.mul_(0.1)
            self.correct.weight.zero_()

    def load_pretrained(self) -> None:
        """Starts the encoder from ImageNet."""
        self.encoder.load_imagenet()

    def forward(self, frames: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        half, *levels = self.encoder(frames)
        merged = self.project[-1](levels[-1])
        for level in range(len(levels) - 2, -1, -1):
            lateral = self.project[level](levels[level])
            merged = self.smooth[level](lateral + upsample_like(merged, lateral))
        detail = self.detail(half)
        correction = self.correct(self.refine(detail + upsample_like(self.narrow(merged), detail)))
        logits: Tensor = correction + upsample_like(self.head(merged), correction)
        return (logits, self.auxiliary(levels[2])) if self.training else logits
