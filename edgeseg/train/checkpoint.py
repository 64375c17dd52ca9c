"""Checkpoints: the whole state of a run in one safetensors file, replaced atomically. Never pickle."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from edgeseg.atomic import atomic_file
from edgeseg.errors import WeightsError
from edgeseg.json_fields import list_of, of_kind
from edgeseg.models.weight_files import check_safetensors
from edgeseg.models.weights import State
from edgeseg.train.average import Average
from edgeseg.train.schedule import make_optimizer
from edgeseg.train.settings import TrainSettings


@dataclass(frozen=True)
class TrainingState:
    """What training changes.

    Attributes:
        network: that is trained.
        average: of its weights.
        optimizer: of its parameters.
    """

    network: nn.Module
    average: Average
    optimizer: torch.optim.Optimizer

    @classmethod
    def of(cls, network: nn.Module, settings: TrainSettings, new_layers: Collection[str]) -> TrainingState:
        """At the start of a run, which did not give `new_layers`."""
        return cls(network, Average(network, settings.ema), make_optimizer(network, settings, new_layers))

    def rate(self) -> float:
        """The highest learning rate in use."""
        return max(float(group["lr"]) for group in self.optimizer.param_groups)


def save_checkpoint(path: Path, identity: dict[str, Any], progress: dict[str, Any], state: TrainingState) -> None:
    """Writes everything that a resumed run needs: `identity` says which run it is, `progress` how far it has come."""
    tensors = {f"network/{name}": tensor for name, tensor in state.network.state_dict().items()}
    tensors |= {f"average/{name}": tensor for name, tensor in state.average.state.items()}
    for index, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": tensor for name, tensor in moments.items()}
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    content = save(tensors, {"about": json.dumps(identity), "progress": json.dumps(progress)})
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)  # safetensors' own writing has an error of its own for a full disk


def load_checkpoint(path: Path, identity: dict[str, Any], state: TrainingState) -> dict[str, Any]:
    """Restores `state` in place; returns the progress that was saved.

    Raises:
        WeightsError: the file is damaged, or belongs to a run with other settings or data.
    """
    run, progress, tensors = _read(path)
    # Settings that came later had no effect before, and checkpoints did not name the classes.
    run = {**TrainSettings().identity(), "classes": identity.get("classes"), **run}
    differing = sorted(key for key in run.keys() | identity.keys() if run.get(key) != identity.get(key))
    if differing:
        raise WeightsError(
            f"{path} belongs to a run with other settings ({', '.join(differing)}); give the same ones with --resume, "
            "or another --out"
        )
    try:
        _restore(state, tensors)
    except (RuntimeError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} is damaged: its tensors are not those of this run ({error!r:.160})") from error
    return progress


def _restore(state: TrainingState, tensors: State) -> None:
    state.network.load_state_dict(_group(tensors, "network/"))
    with torch.no_grad():
        for name, tensor in _group(tensors, "average/").items():
            state.average.state[name].copy_(tensor)
    moments: dict[int, State] = {}
    for name, tensor in _group(tensors, "optimizer/").items():
        index, moment = name.split("/")
        moments.setdefault(int(index), {})[moment] = tensor
    state.optimizer.load_state_dict({**state.optimizer.state_dict(), "state": moments})


def is_checkpoint(path: Path) -> bool:
    """Whether the file is no weights file: what it is instead, `averaged_weights` says."""
    try:
        check_safetensors(path)
        with safe_open(path, framework="pt") as file:
            return "net" not in (file.metadata() or {})
    except (SafetensorError, OSError, ValueError):
        return True


def averaged_weights(path: Path) -> tuple[dict[str, Any], int, State]:
    """Which run a checkpoint belongs to, the epochs behind it, and its averaged weights by name.

    Raises:
        WeightsError: there is no such checkpoint, or it is damaged.
    """
    run, progress, tensors = _read(path)
    return run, len(progress["epochs"]), _group(tensors, "average/")


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any], State]:
    try:
        check_safetensors(path)
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about, progress = (
            of_kind(json.loads(header[key]), dict, where=key, error=WeightsError) for key in ("about", "progress")
        )
        list_of(progress, "epochs", dict, where="progress", error=WeightsError)
        return about, progress, tensors
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path} is not a checkpoint of edgeseg ({error}); give one that a run wrote, or begin without it"
        ) from error


def _group(tensors: State, prefix: str) -> State:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
