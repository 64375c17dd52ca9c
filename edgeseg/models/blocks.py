"""Layers that more than one network uses."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeseg.models.depthwise import DepthwiseConv2d


class ConvBN(nn.Sequential):
    """k x k convolution, BatchNorm. Padding on every side is the same, whatever the input's size."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, groups: int = 1, dilation: int = 1
    ) -> None:
        padding = kernel // 2 * dilation
        convolution = (
            DepthwiseConv2d(inputs, kernel, stride, dilation)
            if inputs == outputs == groups
            else nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False)
        )
        super().__init__(convolution, nn.BatchNorm2d(outputs))


class ConvBNReLU(ConvBN):
    """The same, and ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, groups: int = 1, dilation: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, dilation=dilation)
        self.append(nn.ReLU(inplace=True))


class SeparableConv(nn.Sequential):
    """Depthwise 3x3 and pointwise 1x1 convolution, each with BatchNorm and ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(ConvBNReLU(inputs, inputs, stride=stride, groups=inputs), ConvBNReLU(inputs, outputs, 1))


def upsample_like(coarse: Tensor, fine: Tensor, factor: int = 2) -> Tensor:
    """Enlarges `coarse` (N, C, h, w) bilinearly `factor` times, then crops to the height and width of `fine`.

    The factor never bends to the sizes, so a feature's place does not depend on the frame's: where a level's size was
    odd, the stride-2 layer below it rounded up, and the enlarged map has rows or columns too many.
    """
    enlarged = functional.interpolate(coarse, scale_factor=float(factor), mode="bilinear", align_corners=False)
    return enlarged[..., : fine.shape[-2], : fine.shape[-1]]


def scaled(channels: int, width: float) -> int:
    """`channels` of a paper at a fraction of its width, at least 8."""
    return max(8, round(channels * width))


def pad_to_multiple(frames: Tensor, multiple: int) -> Tensor:
    """Pads (N, C, H, W) with zeros at the bottom and right until `multiple` divides H and W."""
    height, width = frames.shape[-2:]
    # No negative numbers: ONNX rounds their quotient up, Python down.
    right, bottom = ((side + multiple - 1) // multiple * multiple - side for side in (width, height))
    return functional.pad(frames, (0, right, 0, bottom))


@torch.no_grad()
def initialise(module: nn.Module) -> None:
    """He initialisation (He et al. 2015) of every convolution in `module`, by fan-out; biases zero."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            height, width = layer.kernel_size
            fan_out = layer.out_channels * height * width / layer.groups
            nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / fan_out))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
