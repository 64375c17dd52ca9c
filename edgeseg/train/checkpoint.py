"""Checkpoints: the whole state of a run in one safetensors file, replaced atomically. Never pickle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from edgeseg.atomic import atomic_file
from edgeseg.errors import WeightsError

State = dict[str, Tensor]

LEAST_KINSHIP = 0.5
"""The part of a network that another's checkpoint must fill: a bias of the same name is no start."""


def save_checkpoint(
    path: Path,
    about: dict[str, Any],
    progress: dict[str, Any],
    network: nn.Module,
    average: State,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Writes everything that a resumed run needs: `about` says which run it is, `progress` how far it has come."""
    tensors = {f"network/{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"average/{name}": tensor for name, tensor in average.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": tensor for name, tensor in moments.items()}
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with atomic_file(path) as temporary:
        save_file(tensors, temporary, {"about": json.dumps(about), "progress": json.dumps(progress)})


def load_checkpoint(
    path: Path, about: dict[str, Any], network: nn.Module, average: State, optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Restores network, average and optimizer in place; returns the progress that was saved.

    Raises:
        WeightsError: the file is damaged, or belongs to a run with other settings or data.
    """
    found, progress, tensors = _read(path)
    differing = sorted(key for key in found.keys() | about.keys() if found.get(key) != about.get(key))
    if differing:
        raise WeightsError(
            f"{path} belongs to a run with other settings ({', '.join(differing)}); give the same ones with --resume, "
            "or another --out"
        )
    network.load_state_dict(_part(tensors, "network/"))
    with torch.no_grad():
        for name, tensor in _part(tensors, "average/").items():
            average[name].copy_(tensor)
    state: dict[int, State] = {}
    for name, tensor in _part(tensors, "optimizer/").items():
        index, moment = name.split("/")
        state.setdefault(int(index), {})[moment] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    return progress


def start_from(path: Path, network: nn.Module) -> dict[str, Any]:
    """Starts `network` from the averaged weights of another run: every tensor that has the same name and shape.

    Returns:
        What the new run's record says of it: the file's SHA-256, the network, settings and epochs behind it, and the
        tensors of `network` that stay as they were ("new").

    Raises:
        WeightsError: there is no such checkpoint, it is damaged, or less than LEAST_KINSHIP of the network fits.
    """
    found, progress, tensors = _read(path)
    average = _part(tensors, "average/")
    state = network.state_dict()
    fitting = {name: each for name, each in average.items() if name in state and each.shape == state[name].shape}
    values, taken = (sum(tensor.numel() for tensor in each.values()) for each in (state, fitting))
    if taken < LEAST_KINSHIP * values:
        raise WeightsError(
            f"{path} is of {found.get('net')}, of which {taken} of the {values} values of this network can be taken; "
            "start from a checkpoint of the same network or of a kindred one"
        )
    network.load_state_dict(fitting, strict=False)
    new = sorted({name.rpartition(".")[0] for name in state.keys() - fitting.keys()})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"sha256": digest, "run": found, "epochs": len(progress.get("epochs", [])), "new": new}


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any], State]:
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return json.loads(header["about"]), dict(json.loads(header["progress"])), tensors
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise WeightsError(
            f"{path} is not a checkpoint of edgeseg ({error}); give one that a run wrote, or begin without it"
        ) from error


def _part(tensors: State, prefix: str) -> State:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
