"""The one definition of what a network's input is: it lives in the exported graph, never in the runtime."""

from __future__ import annotations

from torch import Tensor, nn

MEAN, DEVIATION = 127.0, 128.0
"""EfficientNet-Lite's own, and the same for every channel: an INT8 engine can read the camera's bytes as they are."""


def normalise(frames: Tensor) -> Tensor:
    """Grey levels 0-255 (any shape) to about -1..1."""
    return (frames.float() - MEAN) / DEVIATION


class FrameToLogits(nn.Module):
    """The graph that is exported: uint8 BGR frames (N, H, W, 3) to the network's main logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        # Cast first, then transpose: TensorRT has no transpose of uint8.
        logits: Tensor = self.network(normalise(frames.float().permute(0, 3, 1, 2)))
        return logits
