"""Learning rate over a run, and which parameters get which."""

from __future__ import annotations

import math

import torch
from torch import nn

from edgeseg.train.settings import Schedule, TrainSettings

ENCODER = "encoder"
"""Attribute of a network that holds what may start from ImageNet."""


def factor(step: int, steps: int, warmup: int, schedule: Schedule) -> float:
    """The part of the highest rate that holds at `step` of `steps`: linear warm-up, then cosine or poly 0.9."""
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1 + math.cos(math.pi * done)) if schedule == "cosine" else (1 - done) ** 0.9


def make_optimizer(network: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """AdamW; a pretrained encoder learns more slowly, and vectors (BatchNorm, biases) do not decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        slow = settings.pretrained and name.startswith(f"{ENCODER}.")
        rate = settings.rate * (settings.encoder_rate if slow else 1.0)
        groups.setdefault((rate, settings.decay if parameter.dim() > 1 else 0.0), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "lr": rate, "highest": rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ]
    )


def set_rate(optimizer: torch.optim.Optimizer, part: float) -> None:
    """Sets every group to `part` of its highest rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["highest"] * part
