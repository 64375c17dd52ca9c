"""Depthwise convolution with a quick gradient on processors.

In bfloat16 the gradients of 5x5 and of strided depthwise convolutions have no fast kernel on x86 processors: they took
nearly half of a LiteFPN's training step. The same gradients in float32 have one, and are more exact.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class DepthwiseConv2d(nn.Conv2d):
    """k x k convolution of each channel with a filter of its own, padded by (k // 2) * dilation, without a bias.

    Under bfloat16 autocast on a processor its gradients are computed in float32; everything else is `nn.Conv2d`'s.
    """

    def __init__(self, channels: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        padding = kernel // 2 * dilation
        super().__init__(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        quick = self.training and features.device.type == "cpu" and torch.is_autocast_enabled("cpu")
        if not quick:
            return super().forward(features)
        geometry = self.stride, self.padding, self.dilation
        result: Tensor = _FloatGradients.apply(features, self.weight, *geometry)  # type: ignore[no-untyped-call]
        return result


class _FloatGradients(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, *geometry: tuple[int, int]) -> Tensor:
        stride, padding, dilation = ctx.geometry = geometry
        ctx.save_for_backward(features, weight)
        return nn.functional.conv2d(features, weight, None, stride, padding, dilation, weight.shape[0])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        features, weight = ctx.saved_tensors
        stride, padding, dilation = ctx.geometry
        wanted = [*ctx.needs_input_grad[:2], False]
        of_features, of_weight, _ = torch.ops.aten.convolution_backward(
            *(each.float() for each in (gradient, features, weight)),
            None, stride, padding, dilation, False, [0, 0], weight.shape[0], wanted,
        )  # fmt: skip
        return None if of_features is None else of_features.to(features.dtype), of_weight, None, None, None
