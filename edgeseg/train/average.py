"""Exponential moving average of a network's weights: what is validated and saved."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """Averages parameters and BatchNorm statistics after every step.

    The decay grows from 0 as (1 + t) / (10 + t) until it reaches its value, so that the first weights are forgotten.

    Attributes:
        network: holds the averaged weights; in evaluation mode.
        state: its tensors by name.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self.state = self.network.state_dict()
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Takes in the weights of `network` after `step` (from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                self.state[name].lerp_(tensor, 1 - decay)
            else:
                self.state[name].copy_(tensor)
