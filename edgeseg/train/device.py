"""Where a run computes: the device, torch's threads, and what the record says of the hardware."""

from __future__ import annotations

import torch

from edgeseg.errors import UsageError
from edgeseg.memory import keep_tensors
from edgeseg.processor import processor
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


def hardware(device: torch.device) -> str:
    """The card's name, or the processor's and how many threads work on it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{processor()}, {torch.get_num_threads()} threads"
