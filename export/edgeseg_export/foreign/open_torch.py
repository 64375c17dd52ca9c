"""Networks of other people's PyTorch code, with weights from files that are never executed."""

from __future__ import annotations

import importlib
import pickle
import re
import warnings
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from edgeseg.artifact import sha256_of
from edgeseg.errors import ExportError, UsageError, WeightsError
from edgeseg.models.weight_files import check_checkpoint, check_safetensors, is_safetensors
from edgeseg.models.weights import check_finite

_COUNTERS = ".num_batches_tracked"
_EXTRA = "_extra_state"
"""What torch calls things beside a layer's weights, of any type, that its own code reads and writes."""
_COMPILED = "_orig_mod."
_SHOWN = 5


def make_network(factory: str) -> nn.Module:
    """Calls a factory, `package.module:name`, which must be importable; its code runs, as any import does.

    Raises:
        UsageError: there is no such factory.
        ExportError: it fails, or gives no network.
    """
    module, _, name = factory.partition(":")
    if not module or not name:
        raise UsageError(f"the network is {factory!r:.80}, expected package.module:factory")
    if "/" in module or module.endswith(".py"):
        dotted = module.removesuffix(".py").lstrip("./").replace("/", ".")
        raise UsageError(f"{module} is a path, expected a module's name, as import takes it: {dotted}:{name}")
    try:
        value: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and not f"{module}.".startswith(f"{error.name}."):
            raise ExportError(f"{module} needs {error.name}, which is not installed; install it") from error
        raise UsageError(f"there is no module {module}; is it installed, or in this folder?") from error
    except SystemExit as error:  # after a look at the command line
        raise ExportError(f"{module} is a script, which ends when imported; put the factory into a module") from error
    except Exception as error:  # code of other people
        raise ExportError(f"{module} cannot be imported: {_said(error)}") from error
    for part in name.split("."):
        if not hasattr(value, part):
            raise UsageError(f"{module} has no {name}; give a function or class of it that makes the network")
        value = getattr(value, part)
    try:
        network = value()
    except (Exception, SystemExit) as error:  # code of other people
        raise ExportError(f"{factory} cannot be called without arguments: {_said(error)}") from error
    if not isinstance(network, nn.Module):
        raise ExportError(f"{factory} gives a {type(network).__name__}, expected a torch.nn.Module")
    if isinstance(network, torch.jit.ScriptModule):
        raise ExportError(f"{factory} gives TorchScript, which torch exports no more; give the module it was made from")
    network = _bare(network)
    try:
        return network.eval().float()
    except NotImplementedError as error:  # its mode and type are fixed
        raise ExportError(
            f"{factory} gives a program of torch.export; write it by torch.onnx.export, and import that file"
        ) from error


def _bare(network: nn.Module) -> nn.Module:
    """Without what DataParallel and torch.compile put around a network and its parts, and into their weights' names."""
    if isinstance(network, nn.DataParallel):
        return _bare(network.module)
    if (inner := getattr(network, "_orig_mod", None)) is not None:
        return _bare(inner)
    for name, part in network._modules.items():  # named_children passes over a part's second name
        if part is not None and (bare := _bare(part)) is not part:
            setattr(network, name, bare)
    return network


def load_into(network: nn.Module, path: Path, ignore: Sequence[str] = ()) -> list[str]:
    """Loads a file of weights into `network`; nothing in the file is executed.

    What stands around the weights ({"state_dict": ...}) and before their names ("module.") is found by what the network
    expects, and returned in sentences. Counters of batches may be missing: they mean nothing outside training. So may
    one of two names of the same weights, as safetensors leaves it out.

    Args:
        network: to load into.
        path: of the file.
        ignore: patterns as of a shell, "loss.*", of names in the file that are to be left out.

    Raises:
        WeightsError: the file cannot be read, holds more than weights, those of another network, or NaN; or a pattern
            fits no name, or one that the network needs.
    """
    state = network.state_dict(keep_vars=True)  # so that two names of one tensor give the same object
    weights, notes = _unwrapped(read_weights(path), state, path)
    if ignore:
        notes.append(_leave_out(weights, state, ignore, path))
    given = {id(value) for name, value in state.items() if name in weights}
    missing = [name for name in state if id(state[name]) not in given and not name.endswith((_COUNTERS, _EXTRA))]
    strange = [name for name in weights if name not in state and not name.endswith(_COUNTERS)]
    shaped = [
        f"{name} {tuple(weights[name].shape)} instead of {tuple(state[name].shape)}"
        for name in state
        if name in weights and not _has_any_shape(name, state[name]) and weights[name].shape != state[name].shape
    ]
    typed = [
        f"{name} {str(weights[name].dtype).removeprefix('torch.')}"
        for name, value in state.items()
        if name in weights and isinstance(value, nn.Parameter) and value.is_floating_point()
        if not weights[name].is_floating_point()
    ]
    wrong = [
        f"{len(names)} {what} ({', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''})"
        for what, names in (
            *(("missing", missing), ("unexpected", strange), ("of another shape", shaped)),
            ("not of floats, as quantised ones are", typed),
        )
        if names
    ]
    if wrong:
        advice = "is the factory the right one?"
        if typed:
            advice = "give the weights before quantisation"
        elif strange and not missing and not shaped:
            advice = f"if it needs none of these, leave them out with --ignore-keys '{_pattern(strange[0])}'"
        raise WeightsError(f"{path} does not fit the network: {', '.join(wrong)}; {advice}")
    try:
        network.load_state_dict({name: weights[name] for name in state if name in weights}, strict=False)
    except Exception as error:  # code of other people, which reads its layers' extra state
        raise WeightsError(f"the network does not take {path}: {_said(error)}; is it of the same version?") from error
    check_finite(network, str(path))
    return notes


def _has_any_shape(name: str, value: Any) -> bool:
    return name.endswith(_EXTRA) or is_lazy(value)


def _leave_out(found: dict[str, Any], wanted: Mapping[str, Any], ignore: Sequence[str], path: Path) -> str:
    """Takes the names that fit a pattern out of `found`; says which."""
    names: list[str] = []
    for pattern in ignore:
        fitting = [name for name in found if fnmatchcase(name, pattern)]
        if not fitting:
            first = next(iter(found), "nothing")
            raise WeightsError(f"no name in {path} fits --ignore-keys {pattern!r:.80}; its first name is {first}")
        needed = [name for name in fitting if name in wanted]
        if needed:
            raise WeightsError(f"--ignore-keys {pattern!r:.80} fits {needed[0]}, which the network needs; narrow it")
        names += fitting
    for name in names:
        found.pop(name, None)
    return f"left out of {path.name}: {', '.join(dict.fromkeys(names))}"


def _pattern(name: str) -> str:
    """That fits a name and its neighbours: "loss.*" for "loss.weight"."""
    first, dot, _ = name.partition(".")
    return f"{first}.*" if dot else first


def state_digest(network: nn.Module) -> str:
    """SHA-256 of a network's weights, as a safetensors file holds them."""
    copies = {
        name: value.detach().clone(memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
        if isinstance(value, Tensor)  # a layer's extra state may be anything
    }
    return sha256_of(save(copies))


def read_weights(path: Path) -> Any:
    """What a safetensors file or a torch checkpoint holds, by torch's reader that allows only plain data.

    Raises:
        WeightsError: the file cannot be read, or is a pickle that asks for code to be run.
    """
    try:
        if is_safetensors(path):
            check_safetensors(path)
            return load_file(path)
        check_checkpoint(path)
        with path.open("rb") as file, warnings.catch_warnings():  # opened, as torch would go by the name
            warnings.simplefilter("ignore")  # about the pickle's protocol: what cannot be read is an error anyway
            return torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(f"there is no weights file {path}; check the path") from error
    except IsADirectoryError as error:
        raise WeightsError(f"{path} is a folder, expected a file of weights; name the one in it") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} is a pickle of more than plain weights ({_asked_for(error)}), so nothing in it was executed; "
            "save the network's state_dict() alone, where it was made"
        ) from error
    except Exception as error:  # what reads a damaged pickle may fail in any way
        raise WeightsError(f"{path} is no weights file that torch reads: {_said(error)}; save it again") from error


def _unwrapped(data: Any, state: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], list[str]]:
    """The weights in a checkpoint that fit the network best, their names as the network's, and what was done."""
    tables = dict(_tables(data, ""))
    if not tables:
        raise WeightsError(f"{path} holds no dictionary of tensors; save the network's state_dict()")
    compiled = {place for place, table in tables.items() if any(_COMPILED in name for name in table)}
    for place, table in tables.items():
        tables[place] = {name.replace(_COMPILED, ""): value for name, value in table.items()}
    prefixes = {place: _prefix(table, state) for place, table in tables.items()}
    fitting = {place: sum(prefixes[place] + name in table for name in state) for place, table in tables.items()}
    best = [place for place in tables if fitting[place] == max(fitting.values())]
    if len(best) > 1:
        raise WeightsError(f"{path} holds weights in {' and '.join(best)}; save the one that is meant alone")
    place, prefix, notes = best[0], prefixes[best[0]], []
    if place:
        others = ", ".join(other for other in tables if other != place)
        notes.append(f"the weights in {path.name} stand in {place!r}{f' (beside {others})' if others else ''}")
    if place in compiled:
        notes.append(f"the names in {path.name} hold {_COMPILED!r} of torch.compile, which was taken out")
    if prefix:
        notes.append(f"the names in {path.name} start with {prefix!r}, which was taken off")
    return {name.removeprefix(prefix): tensor for name, tensor in tables[place].items()}, notes


def _tables(data: Any, place: str, depth: int = 3) -> list[tuple[str, dict[str, Any]]]:
    """Every dictionary of nothing but named tensors and extra state in nested dictionaries, with its place."""
    if not isinstance(data, Mapping) or depth == 0:
        return []
    if data and all(
        isinstance(name, str) and (isinstance(value, Tensor) or name.endswith(_EXTRA)) for name, value in data.items()
    ):
        return [(place, dict(data))]
    return [
        entry
        for name, value in data.items()
        for entry in _tables(value, f"{place}.{name}".removeprefix("."), depth - 1)
    ]


def _prefix(table: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """What stands before the names in the file, chosen so that the most of them fit."""
    anchor = max(state, key=len, default="")
    prefixes = {"", *(name.removesuffix(anchor) for name in table if name.endswith(f".{anchor}"))}
    if len(prefixes) == 1:  # the anchor is not there; any other name may be
        prefixes |= {name.removesuffix(each) for each in state for name in table if name.endswith(f".{each}")}
    fitting = {prefix: sum(f"{prefix}{name}" in table for name in state) for prefix in sorted(prefixes, key=len)}
    return max(fitting, key=lambda prefix: fitting[prefix])


def _asked_for(error: Exception) -> str:
    """What a pickle wanted to have, out of torch's long message."""
    named = re.search(r"GLOBAL (\S+)", str(error))
    return f"it asks for {named[1]}" if named else "torch refuses it"


def _said(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines()]
    if len(lines) > 1 and lines[0].endswith(":"):  # a heading
        del lines[0]
    return f"{type(error).__name__}{f': {lines[0][:300]}' if lines else ''}"
