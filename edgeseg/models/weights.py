"""Weights files: safetensors whose header tells the network, its width and its spec, so a file needs no companion.

What is saved is what every later artifact starts from: BatchNorm folded into the convolutions, auxiliary heads left
out, and the convolutions' weights rounded to float16 values (stored as float16: half the size). Vectors (biases) stay
float32: they take little of the file, and float16's range could break them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edgeseg.atomic import atomic_file
from edgeseg.counted import counted
from edgeseg.errors import WeightsError
from edgeseg.json_fields import of_kind, parse_json
from edgeseg.models import build
from edgeseg.models.weight_files import check_safetensors
from edgeseg.spec import Spec

State = dict[str, Tensor]

AUXILIARY = "auxiliary"
"""Attribute of a network that holds what only the loss needs."""


@dataclass(frozen=True)
class Weights:
    """A network ready for inference, with what its file says of it.

    Attributes:
        network: in evaluation mode, BatchNorm folded, float32.
        net: its name in edgeseg.models.
        width: as a fraction of its paper's.
        spec: what its logits mean.
        training: how it was trained: settings, data, figures.
    """

    network: nn.Module
    net: str
    width: float
    spec: Spec
    training: dict[str, Any]


def fold(network: nn.Module) -> nn.Module:
    """Evaluation mode; each BatchNorm is folded into the convolution before it, auxiliary heads are dropped."""
    network.eval()
    if hasattr(network, AUXILIARY):
        delattr(network, AUXILIARY)
    for parent, index, convolution, norm in list(_foldable(network)):
        parent[index] = fuse_conv_bn_eval(convolution.double(), norm.double()).float()
        parent[index + 1] = nn.Identity()
    return network


def unfold(tensors: State, network: nn.Module) -> State:
    """Tensors of a folded network under the names that `network`, which still has its BatchNorms, has for them.

    Each BatchNorm adds the bias that was folded into its convolution, and changes nothing else.
    """
    names = {module: name for name, module in network.named_modules()}
    unfolded = dict(tensors)
    for _, _, convolution, norm in _foldable(network):
        bias = unfolded.pop(f"{names[convolution]}.bias", None)
        if bias is not None:
            identity = {
                "weight": torch.ones_like(bias),
                "bias": bias,
                "running_mean": torch.zeros_like(bias),
                "running_var": torch.full_like(bias, 1 - norm.eps),
                "num_batches_tracked": torch.tensor(0),
            }
            unfolded |= {f"{names[norm]}.{name}": tensor for name, tensor in identity.items()}
    return unfolded


def _foldable(network: nn.Module) -> Iterator[tuple[nn.Sequential, int, nn.Conv2d, nn.BatchNorm2d]]:
    """Each convolution that a BatchNorm follows: their Sequential, the convolution's place in it, and the two."""
    for parent in network.modules():
        if isinstance(parent, nn.Sequential):
            for index, (layer, following) in enumerate(itertools.pairwise(parent)):
                if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                    yield parent, index, layer, following


def save_weights(
    path: Path, network: nn.Module, net: str, width: float, spec: Spec, training: dict[str, Any]
) -> None:
    """Folds, rounds and writes `network`, which is changed.

    Raises:
        WeightsError: a weight is not finite, or too large for float16.
        OutputError: the file cannot be written.
    """
    tensors = {}
    for name, tensor in fold(network).state_dict().items():
        rounded = tensor.detach().cpu().contiguous()
        rounded = rounded.half() if rounded.dim() > 1 else rounded.float()
        if not torch.isfinite(rounded).all():
            raise WeightsError(f"{name} holds values that are not finite in float16; the training diverged")
        tensors[name] = rounded
    header = {"format": "1", "net": net, "width": repr(width), "spec": json.dumps(spec.to_json())}
    content = save(tensors, {**header, "training": json.dumps(training)})
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)  # safetensors' own writing has an error of its own for a full disk


def load_weights(path: Path) -> Weights:
    """Reads what `save_weights` wrote; nothing in the file is executed.

    Raises:
        WeightsError: the file is missing, no safetensors, without our header, or of another network.
    """
    try:
        check_safetensors(path)
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors: State = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise WeightsError(f"there is no weights file {path}; edgeseg train writes one") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} is not a safetensors file ({error}); give one that edgeseg train wrote") from error
    try:
        net, width = header["net"], float(header["width"])
        spec = Spec.from_json(parse_json(header["spec"]))
        training = of_kind(json.loads(header["training"]), dict, where="training", error=WeightsError)
    except (KeyError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} does not say which network it is for; give one edgeseg train wrote") from error
    return Weights(folded_network(net, len(spec.classes), width, tensors, str(path)), net, width, spec, training)


def check_finite(network: nn.Module, source: str) -> None:
    """Refuses weights that training or a conversion has spoilt; infinity may stand in a buffer, as in masks.

    Raises:
        WeightsError: a parameter is not finite, or a buffer holds NaN; the message names it, and `source`.
    """
    spoilt = [name for name, each in network.named_parameters() if not torch.isfinite(each).all()]
    spoilt += [name for name, each in network.named_buffers() if torch.isnan(each).any()]
    if spoilt:
        raise WeightsError(
            f"{source} holds NaN or infinity in {counted(len(spoilt), 'tensor')}, the first {spoilt[0]}; its training "
            "diverged, or its values were too large for float16: give weights from before that"
        )


def folded_network(net: str, classes: int, width: float, tensors: State, source: str) -> nn.Module:
    """The network, folded, with these weights; `source` is where they come from, for the message.

    Raises:
        WeightsError: they are not this network's, or not finite.
    """
    network = fold(build(net, classes, width))
    expected = network.state_dict()
    wrong = [name for name in expected if name not in tensors or tensors[name].shape != expected[name].shape]
    wrong += [name for name in tensors if name not in expected]
    if wrong:
        raise WeightsError(
            f"{source} says that it is for {net} at width {width:g}, but {len(wrong)} tensors do not fit, the first "
            f"{wrong[0]}; was it trained by another version of edgeseg?"
        )
    network.load_state_dict(tensors)
    check_finite(network, source)
    return network
