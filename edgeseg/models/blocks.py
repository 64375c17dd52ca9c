"""Layers that more than one network uses."""

from __future__ import annotations

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
    return functional.pad(frames, (0, -width % multiple, 0, -height % multiple))


@torch.no_grad()
def initialise(module: nn.Module) -> None:
    """He initialisation (He et al. 2015) of every convolution in `module`; biases zero."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
