"""A network of somebody else's PyTorch code to a bundle: exported as it is, then imported like any ONNX file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

from edgeseg import kernels
from edgeseg.artifact import sha256_of
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import check_replaceable
from edgeseg.errors import ExportError, SpecError, UsageError
from edgeseg_export.closeness import MOST_TURNED, Closeness
from edgeseg_export.foreign.import_onnx import Origin, wrapped_bundle
from edgeseg_export.foreign.model_spec import ModelSpec
from edgeseg_export.foreign.open_onnx import load_foreign
from edgeseg_export.foreign.open_torch import load_into, make_network, state_digest
from edgeseg_export.foreign.original import Original
from edgeseg_export.foreign.other_tasks import refuse_other_tasks
from edgeseg_export.frames import sample_frames
from edgeseg_export.golden import Pictures
from edgeseg_export.to_onnx import SMALLEST, free_dimensions, pictures, to_graph


class OneOutput(nn.Module):
    """A network whose answer is one tensor: the one that the spec's "output" names, by key or position.

    Keys of nested answers are joined by dots: "main.logits".
    """

    def __init__(self, network: nn.Module, output: str | None) -> None:
        super().__init__()
        self.network = network
        self.output = output

    def forward(self, pictures: Tensor) -> Tensor:
        output = self.network(pictures)
        if isinstance(output, Tensor):
            return output
        if not isinstance(output, (Mapping, tuple, list)):
            raise ExportError(f"the network gives a {type(output).__name__}, expected tensors; wrap it in your factory")
        tensors = dict(_tensors(output))
        if self.output is None and len(tensors) == 1:
            return next(iter(tensors.values()))
        if self.output not in tensors or self.output is None:
            raise SpecError(
                f'the network gives {", ".join(tensors) or "no tensor"}; say with "output" in the spec which one holds '
                f"the scores{'' if self.output is None else f', which is not {self.output!r:.80}'}"
            )
        return tensors[self.output]


def _tensors(answer: Any, place: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor in nested mappings, tuples and lists, with its place."""
    if isinstance(answer, Tensor):
        yield place, answer
    elif isinstance(answer, (Mapping, tuple, list)):
        for key, value in answer.items() if isinstance(answer, Mapping) else enumerate(answer):
            yield from _tensors(value, f"{place}.{key}".removeprefix("."))


def export_module(
    factory: str,
    weights: Path | None,
    model_spec: ModelSpec,
    out: Path,
    *,
    ignore_keys: Sequence[str] = (),
    data: Path | None = None,
    split: str = "val",
    golden: Pictures | None = None,
    progress: Callable[[int, int], None] | None = None,
    note: Callable[[str], None],
) -> Bundle:
    """Writes a bundle with the network that `factory` makes.

    Args:
        factory: "package.module:name", called without arguments; from float (1, 3, H, W) to scores or class ids.
        weights: a safetensors file, or a torch checkpoint of plain weights; None for those that the factory gives.
        model_spec: the network's spec, of `read_model_spec`.
        ignore_keys: patterns of names in `weights` that are to be left out, "loss.*".
        data: a data set, as for `export`.
        split: of `data`.
        golden: as for `export`.
        progress: as for `export`.
        note: called with each sentence on how the weights were found.

    Raises:
        UsageError: there is no such factory.
        WeightsError: the weights cannot be read, or are of another network.
        SpecError: the spec does not fit the network.
        ExportError: torch cannot export the network, or an answer changes on the way.
        DataError: the data set breaks its own rules.
        OutputError: `out` cannot be written.
    """
    check_replaceable(out)  # before the work
    network = make_network(factory)
    if weights is not None:
        for sentence in load_into(network, weights, ignore_keys):
            note(sentence)
    elif ignore_keys:
        raise UsageError("--ignore-keys goes with --weights; leave it out, or give both")
    else:
        note(f"no --weights: they are those that {factory} makes, random ones unless it loads some")
    graph = OneOutput(network, model_spec.output).eval()
    spec = model_spec.spec
    with tempfile.TemporaryDirectory(prefix="edgeseg-export-") as folder:
        file = Path(folder) / f"{spec.name}.onnx"
        onnx.save_model(_exported(graph, model_spec, factory), file)
        original = Original(load_foreign(file), replace(model_spec, output=None), factory)
    difference = _difference(graph, original)
    origin = Origin(factory, state_digest(network) if weights is None else sha256_of(weights.read_bytes()), difference)
    return wrapped_bundle(original, origin, out, data=data, split=split, golden=golden, progress=progress, note=note)


def _exported(graph: OneOutput, model_spec: ModelSpec, factory: str) -> onnx.ModelProto:
    spec = model_spec.spec
    if spec.dynamic and min(spec.width, spec.height) < SMALLEST:
        raise UsageError(f"{spec.width}x{spec.height} is too small for a dynamic graph; give at least {SMALLEST}")
    example = torch.zeros(pictures(spec), model_spec.preparation.channels, spec.height, spec.width)
    try:
        with torch.no_grad():
            shapes = {place: tuple(found.shape) for place, found in _tensors(graph.network(example))}
            refuse_other_tasks(
                shapes, (spec.height, spec.width), model_spec.labels, model_spec.output, factory
            )
            graph(example)  # what is wrong with the network itself is better said by itself
    except (ExportError, SpecError):
        raise
    except Exception as error:  # code of other people
        size = f"{spec.width}x{spec.height}"
        raise ExportError(f"{factory} fails on {size}: {_said(error)}; is the size right?") from error
    try:
        return to_graph(graph, example, "picture", "scores", free_dimensions(spec, 2, 3))
    except Exception as error:  # torch's exporter raises whatever went wrong inside
        cause = _cause(error)
        if isinstance(cause, GuardOnDataDependentSymNode):
            places = re.findall(r'File "(.+)", line (\d+)', str(cause))
            place = f" in {':'.join(places[-1])}" if places else ""
            raise ExportError(
                f"{factory} branches, loops or takes sizes by the values that it computes{place}, which no graph here "
                "can; write torch.where for an if, and take sizes from shapes"
            ) from error
        raise ExportError(f"torch cannot export {factory}: {_said(error)}; change what it names") from error


def _difference(graph: nn.Module, original: Original) -> float:
    """Max |difference| between PyTorch and its ONNX graph over the frames, of the network's own output.

    Raises:
        ExportError: it is too large.
    """
    spec = original.model_spec.spec
    closeness, turned = Closeness(half=original.dtype == np.float16, whole=original.whole), 0.0
    for frame in sample_frames(None):
        tensor = kernels.resize(frame, spec.width, spec.height)[np.newaxis]
        with torch.no_grad():
            answer = graph(torch.from_numpy(original.model_spec.preparation(tensor)))
            expected: NDArray[Any] = (answer.float() if answer.is_floating_point() else answer).numpy()
        tensors = original(tensor)
        actual = tensors[original.output]
        if actual.shape != expected.shape:
            raise ExportError(
                f"the exported graph of {original.where} gives {actual.shape} where PyTorch gives {expected.shape}; "
                "does its shape depend on the data?"
            )
        if expected.dtype.kind in "iub":  # class ids, or levels
            turned = max(turned, float(np.mean(actual != expected)))
            continue
        channels = original.tail.scores(tensors).shape[1]
        closeness.add(_by_channel(actual, channels), _by_channel(expected, channels))
    if turned > MOST_TURNED or not closeness.close:
        raise ExportError(
            f"the exported graph of {original.where} disagrees with PyTorch: outputs differ by up to "
            f"{closeness.difference or turned:.3g} (largest {closeness.largest or 1:.3g}); does it depend on the data "
            "or on chance?"
        )
    return float(f"{closeness.difference or turned:.2e}")


def _by_channel(output: NDArray[Any], channels: int) -> NDArray[Any]:
    """An output, wherever its channels lie, as (1, C, n, 1); (1, 1, n, 1) where they lie nowhere, as in class ids."""
    if channels not in output.shape:
        return output.reshape(1, 1, -1, 1)
    return np.moveaxis(output, output.shape.index(channels), 0).reshape(1, channels, -1, 1)


def _said(error: Exception) -> str:
    """The last cause of an exception on one line."""
    cause = _cause(error)
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}{f': {lines[0][:200]}' if lines else ''}"


def _cause(error: Exception) -> Exception:
    """The last cause of an exception: exporters wrap it in advice."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error
