"""PyTorch's compiler on the network; resizing the logits and the arg-max stay eager, which is faster here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from lab.peers import torch_eager
from lab.peers.turn import Masks, Task, run_turn


def prepare(task: Task) -> Callable[[], Masks]:
    """Compiles the network, or takes what an earlier turn compiled."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(Path(task.folder) / "inductor")
    os.environ["TORCHINDUCTOR_FREEZING"] = "1"  # weights are constants, packed once

    def ready(network: nn.Module) -> nn.Module:
        compiled: nn.Module = torch.compile(network)  # type: ignore[assignment]
        return compiled

    return torch_eager.prepare(task, ready)


if __name__ == "__main__":
    run_turn(prepare, "torch", "opencv-python")
