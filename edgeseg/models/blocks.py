"""Layers that more than one network uses."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConvBNReLU(nn.Sequential):
    """k x k convolution, BatchNorm, ReLU. Padding k // 2 on every side, whatever the input's size."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


def upsample_like(coarse: Tensor, fine: Tensor) -> Tensor:
    """Doubles `coarse` (N, C, h, w) bilinearly, then crops to the height and width of `fine`.

    The factor is always exactly 2, so a feature's place does not depend on the frame's size: where a level's size
    was odd, the stride-2 layer below it rounded up, and the doubled map has one row or column too many.
    """
    doubled = functional.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
    return doubled[..., : fine.shape[-2], : fine.shape[-1]]


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
