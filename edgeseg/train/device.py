"""Where and in what a run computes: device, threads, bfloat16 or float32; and what the record says of it."""

from __future__ import annotations

import torch

from edgeseg.errors import UsageError
from edgeseg.memory import keep_tensors
from edgeseg.processor import multiplies_bfloat16, processor
from edgeseg.train.settings import TrainSettings


def prepare_device(settings: TrainSettings) -> torch.device:
    """The device that the settings ask for; sets this process's threads and memory up for it.

    Raises:
        UsageError: CUDA was asked for, and torch sees none.
    """
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda was asked for, but torch sees no CUDA device; give --device cpu or auto")
    if settings.threads:
        torch.set_num_threads(settings.threads)
    keep_tensors()
    return torch.device("cuda" if settings.device != "cpu" and torch.cuda.is_available() else "cpu")


def uses_autocast(settings: TrainSettings, device: torch.device) -> bool:
    """Whether to compute in bfloat16: as the settings say, or else where the device does so natively."""
    if settings.autocast is not None:
        return settings.autocast
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return multiplies_bfloat16()


def hardware(device: torch.device, autocast: bool) -> str:
    """The card's name, or the processor's and how many threads work on it; and what it computed in."""
    number = "bfloat16" if autocast else "float32"
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {number}"
    return f"{processor()}, {torch.get_num_threads()} threads, {number}"
