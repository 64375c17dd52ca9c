"""PyTorch itself as the first stages of a verification: in float32, and in float16 with the range that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgeseg.models.normalise import FrameToLogits, normalise
from edgeseg.models.weights import load_weights
from edgeseg_export.precision.to_half import LARGEST


class TorchEngine:
    """PyTorch on the CPU, in float32."""

    name = "torch"
    threads = 1

    def __init__(self, weights: Path) -> None:
        self._graph = FrameToLogits(load_weights(weights).network).eval()

    @torch.no_grad()
    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (1, C, h, w), float32, of a tensor (1, H, W, 3), uint8, BGR."""
        logits: NDArray[np.float32] = self._graph(torch.from_numpy(tensor)).numpy()
        return logits

    def close(self) -> None:
        """Nothing to free."""


class HalfTorchEngine:
    """PyTorch on the CPU, every weight and activation float16; slow, as no CPU kernel was made for it.

    Attributes:
        largest: the largest |activation| so far; infinite where one overflowed.
        layer: that gave it.
    """

    name = "torch"
    threads = 1

    def __init__(self, weights: Path) -> None:
        self.largest = 0.0
        self.layer = ""
        self._network = load_weights(weights).network.eval().half()
        for name, layer in self._network.named_modules():
            if not list(layer.children()):
                layer.register_forward_hook(self._watch(name))

    @torch.no_grad()
    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (1, C, h, w), float32, of a tensor (1, H, W, 3), uint8, BGR."""
        planar = normalise(torch.from_numpy(tensor).permute(0, 3, 1, 2)).half()
        logits: NDArray[np.float32] = self._network(planar).float().numpy()
        return logits

    def close(self) -> None:
        """Nothing to free."""

    def range(self) -> dict[str, Any]:
        """How near the frames so far came to the end of float16's range in a layer's answer: 1 overflows, null did.

        Sums between layers are not seen here; `quantize` looks at every tensor of the graph.
        """
        part = self.largest / LARGEST
        return {"float16": {"largest_of_range": part if np.isfinite(part) else None, "layer": self.layer}}

    def _watch(self, name: str) -> Any:
        def hook(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            del layer, inputs
            largest = float(output.abs().max())
            if not largest <= self.largest:  # nan too
                self.largest, self.layer = largest if largest == largest else float("inf"), name

        return hook
