"""The graphs that are exported: what a network's input is stands here once, and never in the runtime."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

MEAN, DEVIATION = 127.0, 128.0
"""EfficientNet-Lite's own, and the same for every channel: an INT8 engine can read the camera's bytes as they are."""


def normalise(frames: Tensor) -> Tensor:
    """Grey levels 0-255 (any shape) to about -1..1."""
    return (frames.float() - MEAN) / DEVIATION


class FrameToLogits(nn.Module):
    """The graph that edgeseg runs: uint8 BGR frames (N, H, W, 3) to the network's main logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        # Cast first, then transpose: TensorRT has no transpose of uint8.
        logits: Tensor = self.network(normalise(frames.float().permute(0, 3, 1, 2)))
        return logits


class FrameToMask(nn.Module):
    """For those who run the ONNX file elsewhere: uint8 BGR frames (N, H, W, 3) to masks (N, H, W), uint8.

    Upsampling and arg-max as the native kernel does them, with the runtime's own rounding.
    """

    def __init__(self, network: nn.Module, stride: int) -> None:
        super().__init__()
        self.logits = FrameToLogits(network)
        self.stride = stride

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.logits(frames)
        if self.stride > 1:
            logits = functional.interpolate(
                logits, scale_factor=float(self.stride), mode="bilinear", align_corners=False
            )
        logits = logits[..., : frames.shape[1], : frames.shape[2]]
        classes: Tensor = logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(1)
        return classes.to(torch.uint8)
