"""Weights to a bundle: the ONNX graph that takes a camera's bytes and gives logits, proved equal to PyTorch."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate
from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import check_replaceable
from edgeseg.engines import open_engine
from edgeseg.errors import UsageError, WeightsError
from edgeseg.measured import Measured, Network, Training
from edgeseg.models import build
from edgeseg.models.bundle_weights import load_bundle_weights
from edgeseg.models.count import count_macs, count_parameters
from edgeseg.models.normalise import FrameToLogits, FrameToMask
from edgeseg.models.weights import Weights, fold, load_weights
from edgeseg.segmenter import Segmenter
from edgeseg.spec import Resize, Spec
from edgeseg_export.agreement import compare, compare_masks, torch_logits
from edgeseg_export.batches import prove_batches
from edgeseg_export.card import model_card
from edgeseg_export.dynamic import prove_sizes
from edgeseg_export.frames import sample_frames
from edgeseg_export.golden import Pictures, data_pictures, write_with_golden
from edgeseg_export.graph import OPSET, finish

SMALLEST = 32
"""Pixels; the least height and width that a dynamic graph accepts."""


def export(
    weights: Path | Bundle,
    out: Path,
    *,
    name: str | None = None,
    size: tuple[int, int] | None = None,
    resize: Resize | None = None,
    dynamic: bool = False,
    batch: int = 1,
    mask_in_graph: bool = False,
    data: Path | None = None,
    split: str = "val",
    golden: Pictures | None = None,
    progress: Callable[[int, int], None] | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Writes a bundle with an fp32 artifact for ONNX Runtime into the folder `out`.

    Args:
        weights: a file that `edgeseg train` wrote; or a bundle that was made from one, for other sizes or batches.
        name: of the network; by default that in the weights.
        size: width and height of the input in pixels; by default those in the weights.
        resize: how frames of other sizes are fitted; by default that in the weights.
        dynamic: one graph for all input sizes.
        batch: pictures that the graph takes at once, 1 to so many.
        mask_in_graph: add an artifact that gives the mask itself, uint8 (1, H, W), for those who run the ONNX file
            elsewhere; edgeseg itself does not use it.
        data: a data set. Its `split` gives the frames for the comparison, and the artifact's accuracy is measured on
            it. Without one, four street pictures that come with edgeseg are compared, and no accuracy is measured.
        split: of `data`.
        golden: pictures for the golden frames; by default of `data`, or street pictures.
        progress: called after each image that is evaluated, with how many are done and how many there are.
        note: called with a sentence on the pictures that the bundle carries.

    Raises:
        UsageError: a size is too small, or there is to be a mask in the graph and a batch.
        BundleError: `weights` is a bundle without fp32, or one that was altered.
        WeightsError: `weights` is not ours.
        ExportError: the graph's answer differs from PyTorch's; the first layer that differs is named.
        DataError: the data set breaks its own rules.
        OutputError: `out` cannot be written.
    """
    check_replaceable(out)  # before the work
    if mask_in_graph and batch > 1:
        raise UsageError("a graph that gives the mask itself takes one picture; leave out --batch or --mask-in-graph")
    loaded = load_weights(weights) if isinstance(weights, Path) else load_bundle_weights(weights)
    if not loaded.training:
        raise WeightsError(f"{loaded.spec.name} does not say how it was trained; give one that edgeseg export made")
    dataset = None if data is None else Dataset.open(data, split)
    spec = replace(_spec(loaded, name, size, resize, dynamic), batch=batch)
    frames = sample_frames(dataset)
    with tempfile.TemporaryDirectory(prefix="edgeseg-export-") as folder:
        file = Path(folder) / f"{spec.name}.fp32.onnx"
        write_graph(FrameToLogits(loaded.network), "logits", spec, file)
        network, agreement = _network(loaded, spec), compare(loaded.network, file, spec, frames)
        if dynamic:
            reference = partial(torch_logits, loaded.network)
            agreement = replace(agreement, sizes=prove_sizes(file, spec, frames[0], reference))
        measured = Measured.of(network, _training(loaded), agreement)
        if batch > 1:
            measured = measured.add(prove_batches(file, "onnxruntime", spec, frames))
        evaluation = None
        if dataset is not None:
            model = Segmenter(spec, open_engine("onnxruntime", file, spec, threads=1, own=True))
            evaluation = evaluate(model, dataset, progress=progress)
            measured = measured.add(evaluation)
        artifacts = {file: Artifact.of(file, target="onnxruntime", precision="fp32", measured=measured)}
        if mask_in_graph:
            mask_file = Path(folder) / f"{spec.name}.mask.onnx"
            write_graph(FrameToMask(loaded.network, spec.stride), "mask", spec, mask_file)
            masks = Measured.of(compare_masks(mask_file, file, spec, frames))
            artifacts[mask_file] = Artifact.of(mask_file, target="onnx-mask", precision="fp32", measured=masks)
        card = model_card(loaded, spec, network, agreement, evaluation)
        return write_with_golden(out, spec, artifacts, card, golden or data_pictures(dataset), note)


def write_graph(graph: nn.Module, output: str, spec: Spec, file: Path) -> None:
    """Writes an ONNX graph from frame, uint8 (N, H, W, 3) in BGR, to the tensor that is called `output`."""
    example = torch.zeros(pictures(spec), spec.height, spec.width, 3, dtype=torch.uint8)
    for module in graph.modules():
        if isinstance(module, (nn.ReLU, nn.ReLU6)):
            module.inplace = False  # of what is done in place torch's exporter makes a copy, and a quarter more work
    finish(to_graph(graph, example, "frame", output, free_dimensions(spec, 1, 2)), spec, file)


def pictures(spec: Spec) -> int:
    """How many an example holds: of a dimension of 1 torch's exporter takes it that it stays so."""
    return min(2, spec.batch)


def free_dimensions(spec: Spec, height: int, width: int) -> dict[int, Any] | None:
    """The dynamic dimensions of a network's input, whose height and width are those dimensions; None without any."""
    free: dict[int, Any] = {}
    if spec.batch > 1:
        free[0] = torch.export.Dim("batch")
    if spec.dynamic:
        for dimension, name, size in ((height, "height", spec.height), (width, "width", spec.width)):
            # At 32 the coarsest features are one pixel, which torch's exporter finds too late, and then begins anew.
            free[dimension] = torch.export.Dim(name, min=min(size, SMALLEST + 1))
    return free or None


def to_graph(
    network: nn.Module, example: torch.Tensor, input_name: str, output_name: str, sizes: dict[int, Any] | None
) -> onnx.ModelProto:
    """The ONNX graph of a network from one named tensor to another; `sizes` are the dynamic dimensions."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        # torch warns of its own internals, and of packages that are not installed and not needed. It prints the whole
        # graph of a network that branches by values, to try another way or to fail.
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        for name in ("torch.onnx", "torch.fx"):
            logging.getLogger(name).setLevel(logging.ERROR)
        program = torch.onnx.export(
            network.eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[input_name],
            output_names=[output_name],
            dynamic_shapes=None if sizes is None else (sizes,),
            verbose=False,
        )
    if program is None:
        raise UsageError("torch gave no ONNX program; is torch at least 2.6?")
    return program.model_proto


def _training(weights: Weights) -> Training:
    """Where the numbers come from, as the weights file says it."""
    record = dict(weights.training)
    return Training(record.pop("data"), record)


def _network(weights: Weights, spec: Spec) -> Network:
    with torch.device("meta"):  # shapes alone: nothing is computed
        network = fold(build(weights.net, len(spec.classes), weights.width))
    macs = count_macs(network, spec.width, spec.height)
    return Network(weights.net, weights.width, count_parameters(network), macs)


def _spec(
    weights: Weights, name: str | None, size: tuple[int, int] | None, resize: Resize | None, dynamic: bool
) -> Spec:
    width, height = size or (weights.spec.width, weights.spec.height)
    if dynamic and min(width, height) < SMALLEST:
        raise UsageError(f"size {width}x{height} is too small for a dynamic graph; give at least {SMALLEST}x{SMALLEST}")
    return replace(
        weights.spec,
        name=name or weights.spec.name,
        width=width,
        height=height,
        resize=resize or weights.spec.resize,
        dynamic=dynamic,
    )
