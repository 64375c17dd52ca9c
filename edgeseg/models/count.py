"""The size of a network: parameters and multiply-accumulates, counted on the network itself."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from edgeseg.models.weights import AUXILIARY


def count_parameters(network: nn.Module) -> int:
    """Parameters of what is exported: without auxiliary heads, and with BatchNorm folded into biases."""
    scales = {
        f"{name}.weight" for name, layer in network.named_modules() if isinstance(layer, nn.BatchNorm2d)
    }  # a norm's shift is the bias of the convolution before it
    return sum(
        parameter.numel()
        for name, parameter in network.named_parameters()
        if name not in scales and not name.startswith(f"{AUXILIARY}.")
    )


@torch.no_grad()
def count_macs(network: nn.Module, width: int, height: int) -> int:
    """Multiply-accumulates of all convolutions for one frame; the rest is small.

    The network's device should be "meta": nothing is computed there.
    """
    total = 0

    def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.ConvTranspose2d):  # each input value meets the whole kernel of every output channel
            total += inputs[0].numel() * math.prod(layer.weight.shape[1:])
        elif isinstance(layer, nn.Conv2d):
            total += output.numel() * math.prod(layer.weight.shape[1:])

    hooks: list[Any] = [layer.register_forward_hook(add) for layer in network.modules()]
    device = next(network.parameters()).device
    network.eval()(torch.zeros(1, 3, height, width, device=device))
    for hook in hooks:
        hook.remove()
    return total
