"""Batches of one crop: BatchNorm needs more than one value a channel, and some networks pool a crop to just one."""

from __future__ import annotations

import copy

import torch
from torch import nn

from edgeseg.errors import UsageError


def check_batch_of_one(net: str, network: nn.Module, crop: tuple[int, int]) -> None:
    """Runs the shapes of one crop (width, height) through the network, on no device.

    Raises:
        UsageError: a BatchNorm would see one value a channel.
    """
    width, height = crop
    shapes = copy.deepcopy(network).to("meta").train()
    try:
        shapes(torch.zeros(1, 3, height, width, device="meta"))
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise UsageError(
            f"{net} brings a crop of {width}x{height} down to one value a channel, which BatchNorm cannot normalise in "
            "a batch of one; give --batch 2, or a larger --crop"
        ) from error
