"""The fp32 and INT8 files of a network of the zoo, and what each is known to reach.

A shipped bundle gives its own files, with the mIoU that was measured through them. Of the other networks the trained
weights are gone; a file with fresh weights takes the same time, and has no mIoU. What the fp32 file of the trained
network reached is on record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
import torch
from numpy.typing import NDArray

from edgeseg.bundle import Bundle
from edgeseg.bundle_index import shipped
from edgeseg.measured import Evaluation, Network
from edgeseg.models import build, find
from edgeseg.models.normalise import FrameToLogits
from edgeseg.models.weights import fold
from edgeseg.spec import Spec
from edgeseg_export.precision import qdq_onnxruntime
from edgeseg_export.precision.calibration import calibrate
from edgeseg_export.precision.float_graph import FloatGraph
from edgeseg_export.precision.qdq import Recipe
from edgeseg_export.to_onnx import write_graph

PRECISIONS = ("fp32", "int8")


@dataclass(frozen=True)
class NetworkFiles:
    """What is timed of a network.

    Attributes:
        spec: that its files keep.
        files: by precision.
        miou: by precision, percent; None where no file with trained weights was measured.
        weights: the bundle that they are of; "fresh" where nobody trained them.
    """

    spec: Spec
    files: dict[str, Path]
    miou: dict[str, float | None]
    weights: str


def of_bundles(split: str | None) -> Iterator[tuple[tuple[str, float], NetworkFiles]]:
    """The shipped bundles, by their network's name and width; mIoU on that split."""
    for name in shipped():
        bundle = Bundle.open(name)
        artifacts = {each: bundle.artifact(target="onnxruntime", precision=each) for each in PRECISIONS}
        network = artifacts["fp32"].measured.get(Network)
        if network is None:
            continue
        facts = {each: artifact.measured.get(Evaluation) for each, artifact in artifacts.items()}
        miou = {each: fact.miou if fact is not None and fact.split == split else None for each, fact in facts.items()}
        files = {each: bundle.path(artifact) for each, artifact in artifacts.items()}
        yield (network.name, network.width), NetworkFiles(bundle.spec, files, miou, name)


def fresh(row: dict[str, Any], spec: Spec, tensors: Sequence[NDArray[Any]], folder: Path) -> NetworkFiles:
    """Files with fresh weights, of the network, width and size that a row of zoo.json names.

    Args:
        row: of the zoo.
        spec: classes, colours and fitting; the network's name, size and stride are the row's.
        tensors: frames that the INT8 file's ranges come from, uint8 (1, H, W, 3).
        folder: for the files.
    """
    width, height = row["size"]
    spec = replace(spec, name=row["name"], width=width, height=height, stride=find(row["name"]).strides[0])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = fold(build(row["name"], len(spec.classes), row["width"]))
    files = {each: folder / f"{row['name']}.{each}.onnx" for each in PRECISIONS}
    write_graph(FrameToLogits(network), "logits", spec, files["fp32"])
    graph = FloatGraph.load(files["fp32"])
    histograms = calibrate(graph, tensors, total=len(tensors))
    onnx.save_model(qdq_onnxruntime.emit(graph, histograms, Recipe("minmax")), files["int8"])
    return NetworkFiles(spec, files, {"fp32": row["miou"], "int8": None}, "fresh")
