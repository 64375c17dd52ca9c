"""What a run starts from: a bundle, a weights file, or the checkpoint of another run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from edgeseg.bundle import Bundle
from edgeseg.errors import WeightsError
from edgeseg.models import Pretrained, build
from edgeseg.models.bundle_weights import load_bundle_weights, network_in
from edgeseg.models.weights import State, Weights, check_finite, load_weights, unfold
from edgeseg.train.checkpoint import averaged_weights, is_checkpoint
from edgeseg.train.run import WEIGHTS
from edgeseg.train.settings import RESUMABLE, TrainSettings

WEIGHTS_SUFFIX = ".safetensors"

LEAST_KINSHIP = 0.5
"""The fraction of a network that another's weights must fill: a bias of the same name is no start."""


@dataclass(frozen=True)
class Start:
    """Weights to start from.

    Attributes:
        source: where they come from, for messages.
        net: the architecture that they were trained in.
        tensors: by name.
        folded: BatchNorm is folded into them, so its statistics must be measured again.
        record: what the new run's record says of them.
    """

    source: str
    net: str
    tensors: State
    folded: bool
    record: dict[str, Any]

    def fill(self, network: nn.Module) -> dict[str, Any]:
        """Gives `network` every tensor that has the same name and shape there.

        Returns:
            The record, with how many layers got weights ("loaded") and the names of those that stay as they were
            ("new").

        Raises:
            WeightsError: less than LEAST_KINSHIP of the network fits, or a tensor is not finite.
        """
        state = network.state_dict()
        tensors = unfold(self.tensors, network) if self.folded else self.tensors
        fitting = {name: each for name, each in tensors.items() if name in state and each.shape == state[name].shape}
        total, loaded = (sum(tensor.numel() for tensor in each.values()) for each in (state, fitting))
        if loaded < LEAST_KINSHIP * total:
            raise WeightsError(
                f"{self.source} is of {self.net}, which has {loaded} of the {total} values of this network; "
                "start from the same network or from a kindred one"
            )
        network.load_state_dict(fitting, strict=False)
        check_finite(network, self.source)
        layers, new = ({name.rpartition(".")[0] for name in each} for each in (state, state.keys() - fitting.keys()))
        return {**self.record, "loaded": len(layers - new), "new": sorted(new)}


def initial_network(
    net: str, classes: tuple[str, ...], settings: TrainSettings, start: str | Path | None
) -> tuple[nn.Module, dict[str, Any], bool]:
    """The network as training begins: random, with what `start` or ImageNet gives.

    Returns:
        The network; what its record says of the start, empty without one; and whether BatchNorm's statistics are still
        to be measured.

    Raises:
        BundleError: `start` is neither a file nor a bundle.
        WeightsError: it cannot be read, or is of another network; or ImageNet's weights are not installed.
    """
    origin = None if start is None else open_start(start, net, settings.width, classes)
    torch.manual_seed(settings.seed)
    network = build(net, len(classes), settings.width)
    if settings.pretrained and hasattr(network, "load_pretrained") and (origin is None or origin.net != net):
        cast(Pretrained, network).load_pretrained()
    if origin is None:
        return network, {}, False
    return network, origin.fill(network), origin.folded


def open_start(start: str | Path, net: str, width: float, classes: tuple[str, ...]) -> Start:
    """Reads what `start` names, for a run that trains `net` at that width for these classes.

    A checkpoint may be of a kindred network; weights files and bundles are of the same one. None gives layers whose
    shape depends on the classes where its own are others.

    Args:
        start: a file (checkpoint.safetensors or weights.safetensors of a run), or a bundle by name or path.

    Raises:
        BundleError: it is neither a file nor a bundle.
        WeightsError: it cannot be read, or is of another network.
    """
    file = Path(start)
    if not file.is_file():
        bundle = _open_bundle(start)
        sha256 = bundle.artifact(target="onnxruntime", precision="fp32").sha256
        origin = {"bundle": bundle.spec.name, "sha256": sha256}
        return _same_network(str(start), load_bundle_weights(bundle), origin, net, width, classes)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    if not is_checkpoint(file):
        return _same_network(str(start), load_weights(file), {"sha256": sha256, "file": WEIGHTS}, net, width, classes)
    run, epochs, tensors = averaged_weights(file)
    if run.get("classes", [*classes]) != [*classes]:
        tensors = _without_head(tensors, net, width)
    return Start(str(start), str(run.get("net")), tensors, False, {"sha256": sha256, "run": run, "epochs": epochs})


def network_of(start: str | Path) -> str:
    """The architecture of what `start` names.

    Raises:
        BundleError: it is neither a file nor a bundle.
        WeightsError: it cannot be read.
    """
    file = Path(start)
    if not file.is_file():
        return network_in(_open_bundle(start)).name
    return str(averaged_weights(file)[0].get("net")) if is_checkpoint(file) else load_weights(file).net


def _open_bundle(start: str | Path) -> Bundle:
    if Path(start).suffix == WEIGHTS_SUFFIX and not Path(start).exists():
        raise WeightsError(f"there is no file {start}; give a bundle, or the weights or checkpoint of another run")
    return Bundle.open(start)


def _same_network(
    source: str, weights: Weights, origin: dict[str, Any], net: str, width: float, classes: tuple[str, ...]
) -> Start:
    if (weights.net, weights.width) != (net, width):
        raise WeightsError(
            f"{source} holds {weights.net} at width {weights.width:g}, but this run trains {net} at width {width:g}; "
            f"give edgeseg train {weights.net} --width {weights.width:g}"
        )
    tensors = weights.network.state_dict()
    if weights.spec.classes != classes:
        tensors = _without_head(tensors, net, width)
    run = _run(weights.training, net)
    return Start(source, net, tensors, True, {**origin, "run": run, "epochs": run.get("epochs", 0)})


def _without_head(tensors: State, net: str, width: float) -> State:
    """Tensors for a network without those whose shape depends on the number of its classes."""
    with torch.device("meta"):
        two, three = (build(net, classes, width).state_dict() for classes in (2, 3))
    heads = {name for name in two if two[name].shape != three[name].shape}
    return {name: tensor for name, tensor in tensors.items() if name not in heads}


def _run(training: dict[str, Any], net: str) -> dict[str, Any]:
    """A weights file's or bundle's record in the form in which checkpoints have theirs."""
    settings = {key: value for key, value in training.get("settings", {}).items() if key not in RESUMABLE}
    origin = {key: training[key] for key in ("start", "teacher", "teachers") if key in training}
    return {"net": net, "data": training.get("data"), **settings, **origin}
