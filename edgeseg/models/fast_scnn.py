"""Fast-SCNN: R. Poudel, S. Liwicki and R. Cipolla, "Fast-SCNN: Fast Semantic Segmentation Network", BMVC 2019.

Three layers bring the frame to 1/8; a deep branch of MobileNetV2's bottlenecks goes on to 1/32 and sees the whole frame
through pyramid pooling; its features, enlarged, are added to those at 1/8, where the logits are given. 1.1M parameters.
The paper's two auxiliary heads, at the ends of the first layers and of the deep branch, are there for the loss alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeseg.models.blocks import ConvBN, ConvBNReLU, SeparableConv, initialise, scaled, upsample_like

EXPANSION = 6
BOTTLENECKS = ((64, 2), (96, 2), (128, 1))
"""Channels and stride of the deep branch's stages, three blocks each."""
BINS = (1, 2, 3, 6)
DROPOUT = 0.1


class FastSCNN(nn.Module):
    """Normalised BGR frames (N, 3, H, W) to logits (N, classes, ceil(H / 8), ceil(W / 8)).

    In training mode it returns a tuple: the logits, and those of the heads at 1/8 and 1/32.

    Args:
        width: of every layer, as a fraction of the paper's 32 to 128 channels.
    """

    strides = (8, 8, 32)

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        first, second, shared, deep = (scaled(channels, width) for channels in (32, 48, 64, 128))
        self.downsample = nn.Sequential(
            ConvBNReLU(3, first, stride=2), SeparableConv(first, second, 2), SeparableConv(second, shared, 2)
        )
        blocks, inputs = [], shared
        for channels, stride in BOTTLENECKS:
            outputs = scaled(channels, width)
            blocks += [Bottleneck(inputs, outputs, stride), Bottleneck(outputs, outputs), Bottleneck(outputs, outputs)]
            inputs = outputs
        self.context = nn.Sequential(*blocks, PyramidPooling(deep))
        self.enlarged = nn.Sequential(ConvBNReLU(deep, deep, groups=deep, dilation=4), ConvBN(deep, deep, 1))
        self.detail = ConvBN(shared, deep, 1)
        self.classify = nn.Sequential(SeparableConv(deep, deep), SeparableConv(deep, deep), nn.Dropout(DROPOUT))
        self.head = nn.Conv2d(deep, classes, 1)
        self.auxiliary = nn.ModuleList(
            nn.Sequential(ConvBNReLU(channels, channels), nn.Conv2d(channels, classes, 1))
            for channels in (shared, deep)
        )
        initialise(self)

    def forward(self, frames: Tensor) -> Tensor | tuple[Tensor, ...]:
        shared = self.downsample(frames)
        context = self.context(shared)
        fused = functional.relu(self.detail(shared) + self.enlarged(upsample_like(context, shared, 4)))
        logits: Tensor = self.head(self.classify(fused))
        if not self.training:
            return logits
        return (logits, *(head(features) for head, features in zip(self.auxiliary, (shared, context), strict=True)))


class Bottleneck(nn.Module):
    """1x1 expansion, depthwise 3x3, linear 1x1 projection; the input is added where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        wide = inputs * EXPANSION
        self.layers = nn.Sequential(
            ConvBNReLU(inputs, wide, 1), ConvBNReLU(wide, wide, stride=stride, groups=wide), ConvBN(wide, outputs, 1)
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        transformed: Tensor = self.layers(features)
        return features + transformed if self.residual else transformed


class PyramidPooling(nn.Module):
    """Means over 1, 2x2, 3x3 and 6x6 bins of the map beside the map itself; H. Zhao et al., "PSPNet", CVPR 2017."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        share = max(1, channels // len(BINS))
        self.parts = nn.ModuleList(ConvBNReLU(channels, share, 1) for _ in BINS)
        self.merge = ConvBNReLU(channels + share * len(BINS), channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        size = features.shape[-2:]
        levels = [features]
        for bins, project in zip(BINS, self.parts, strict=True):
            means = project(adaptive_mean(features, bins))
            levels.append(functional.interpolate(means, size=size, mode="bilinear", align_corners=False))
        merged: Tensor = self.merge(torch.cat(levels, 1))
        return merged


def adaptive_mean(features: Tensor, bins: int) -> Tensor:
    """What torch's adaptive_avg_pool2d to `bins` x `bins` gives of (N, C, H, W), as two matrix products.

    torch cannot export its own to an ONNX graph for all sizes.
    """
    height, width = features.shape[-2:]
    return _means(height, bins, features) @ features @ _means(width, bins, features).transpose(0, 1)


def _means(size: int, bins: int, like: Tensor) -> Tensor:
    """(bins, size): row i averages places floor(i * size / bins) up to ceil((i + 1) * size / bins)."""
    row = torch.arange(bins, device=like.device)[:, None]
    start, end = row * size // bins, ((row + 1) * size + bins - 1) // bins
    place = torch.arange(size, device=like.device)
    inside = (place >= start) & (place < end)
    return inside.to(like.dtype) / (end - start)
