"""Learning rate over a run, and which parameters get which."""

from __future__ import annotations

import math
from collections.abc import Collection

import torch
from torch import nn

from edgeseg.train.settings import Schedule, TrainSettings

ENCODER = "encoder"
"""Attribute of a network that holds what may start from ImageNet."""


def factor(step: int, steps: int, warmup: int, schedule: Schedule) -> float:
    """The fraction of the highest rate that holds at `step` of `steps`: linear warm-up, then cosine or poly 0.9."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1 + math.cos(math.pi * progress)) if schedule == "cosine" else (1 - progress) ** 0.9


def make_optimizer(
    network: nn.Module, settings: TrainSettings, new_layers: Collection[str] = ()
) -> torch.optim.AdamW:
    """AdamW; a pretrained encoder and new layers have rates of their own, and vectors (BatchNorm, biases) no decay.

    Args:
        new_layers: those that the run's start did not give.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        slow = settings.pretrained and name.startswith(f"{ENCODER}.")
        new = name.rpartition(".")[0] in new_layers
        rate = settings.rate * (settings.new_rate if new else settings.encoder_rate if slow else 1.0)
        groups.setdefault((rate, settings.decay if parameter.dim() > 1 else 0.0), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "lr": rate, "highest": rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ]
    )


def set_rate(optimizer: torch.optim.Optimizer, fraction: float) -> None:
    """Sets every group to that fraction of its highest rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["highest"] * fraction
