"""An ONNX file of somebody else to a bundle: wrapped into our graph, and proved equal to the file as it came."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from edgeseg import kernels
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate
from edgeseg.agreement import OriginalAgreement
from edgeseg.artifact import Artifact, Precision, sha256_of
from edgeseg.atomic import atomic_file
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import check_replaceable
from edgeseg.engines import first_line, open_engine
from edgeseg.errors import ExportError
from edgeseg.fact import Fact
from edgeseg.measured import Measured
from edgeseg.segmenter import Segmenter
from edgeseg_export.batches import prove_batches
from edgeseg_export.closeness import LEAST_AGREEMENT, Closeness
from edgeseg_export.dynamic import prove_sizes
from edgeseg_export.foreign.convert_opset import converted
from edgeseg_export.foreign.imported_card import imported_card
from edgeseg_export.foreign.model_spec import ModelSpec
from edgeseg_export.foreign.open_onnx import load_foreign
from edgeseg_export.foreign.original import Original
from edgeseg_export.foreign.tail import strides
from edgeseg_export.foreign.wrap import wrap
from edgeseg_export.frames import sample_frames
from edgeseg_export.golden import Pictures, data_pictures, write_with_golden
from edgeseg_export.graph import finish
from edgeseg_export.to_float import to_float

QUANTISED = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"}
    | {"ConvInteger", "MatMulInteger"}
)
"""Operators of networks that somebody has quantised: by Q and DQ, by integer operators, or as they run."""

ONE_PICTURE = "export it with a batch of 1"

ABSURD = 0.995
"""Share of the pixels of real frames above which one class is a sign of a wrong input."""


def import_onnx(
    path: Path,
    model_spec: ModelSpec,
    out: Path,
    *,
    data: Path | None = None,
    split: str = "val",
    golden: Pictures | None = None,
    progress: Callable[[int, int], None] | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Writes a bundle with the network of an ONNX file into the folder `out`.

    Args:
        path: ONNX, from float (1, 3, H, W) or (1, H, W, 3) to scores or class ids; data files lie in its folder.
        model_spec: its spec, of `read_model_spec`.
        data: a data set, as for `export`.
        split: of `data`.
        golden: as for `export`.
        progress: as for `export`.
        note: called with each sentence on what was found that the spec does not say, or that looks wrong.

    Raises:
        SpecError: the spec does not fit the network.
        ExportError: the file cannot be read or converted, or the wrapped network's answer is another.
        DataError: the data set breaks its own rules.
        OutputError: `out` cannot be written.
    """
    check_replaceable(out)  # before the work
    original = Original(load_foreign(path), model_spec, str(path))
    origin = Origin(path.name, sha256_of(path.read_bytes()))
    return wrapped_bundle(original, origin, out, data=data, split=split, golden=golden, progress=progress, note=note)


@dataclass(frozen=True)
class Origin:
    """Where a network comes from.

    Attributes:
        file: the name of the ONNX file, or "package.module:name".
        sha256: of that file, or of the weights.
        torch_max_difference: between PyTorch and its ONNX graph; None where the network came as ONNX.
    """

    file: str
    sha256: str
    torch_max_difference: float | None = None


def wrapped_bundle(
    original: Original,
    origin: Origin,
    out: Path,
    *,
    data: Path | None,
    split: str,
    golden: Pictures | None,
    progress: Callable[[int, int], None] | None,
    note: Callable[[str], None],
) -> Bundle:
    """Wraps a network, proves it and writes its bundle; `origin` says in bundle.json where it comes from."""
    spec = original.spec
    dataset = None if data is None else Dataset.open(data, split)
    wrapped = converted(
        wrap(original.model, original.tail, original.dtype, original.model_spec, original.head, original.where),
        original.where,
    )
    frames = sample_frames(dataset)
    for sentence in original.notes:
        note(sentence)
    artifacts: dict[Path, Artifact] = {}
    with tempfile.TemporaryDirectory(prefix="edgeseg-import-") as folder:
        graphs = _graphs(wrapped)
        closeness = partial(Closeness, half=graphs.keys() != {"fp32"}, whole=original.whole)
        for precision, graph in graphs.items():
            file = _written(graph, original, Path(folder), precision)
            model = Segmenter(spec, open_engine("onnxruntime", file, spec, threads=1, own=True))
            facts: list[Fact] = [_proof(original, model, origin, frames, file, closeness)]
            if spec.batch > 1:
                facts.append(prove_batches(file, "onnxruntime", spec, frames))
            evaluation = None if dataset is None else evaluate(model, dataset, progress=progress)
            measured = Measured.of(*facts, *([evaluation] if evaluation else []))
            artifacts[file] = Artifact.of(file, target="onnxruntime", precision=precision, measured=measured)
        for sentence in _doubts(model, frames):
            note(f"warning: {sentence}")
        if len(artifacts) > 1:
            note("it is float16: an fp32 artifact with the same weights stands beside it, for quantize and compile")
        card = imported_card(spec, tuple(artifacts.values()))
        bundle = write_with_golden(out, spec, artifacts, card, golden or data_pictures(dataset), note)
        note(f"{_write_overlay(bundle, model, frames[0])} shows a frame with its classes: look at it")
        return bundle


def _graphs(wrapped: onnx.ModelProto) -> dict[Precision, onnx.ModelProto]:
    """The graph by its precision; one of float16 in float32 too, which comes first, as quantisation starts there."""
    precision = _precision(wrapped)
    return {"fp32": to_float(wrapped), precision: wrapped} if precision == "fp16" else {precision: wrapped}


def _written(graph: onnx.ModelProto, original: Original, folder: Path, precision: Precision) -> Path:
    """The file of a graph, checked. What is made for TensorRT in float16 has the shorter name."""
    spec = original.spec
    file = folder / f"{spec.name}.{precision}{'.onnxruntime' if precision == 'fp16' else ''}.onnx"
    try:
        finish(graph, spec, file)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        if original.batch > 1:
            tied = f"{original.where} is tied to {original.batch} pictures at once ({first_line(error)})"
            raise ExportError(f"{tied}; {ONE_PICTURE}") from error
        raise ExportError(f"{original.where} is no valid ONNX: {first_line(error)}; export it again") from error
    return file


def _proof(
    original: Original,
    model: Segmenter,
    origin: Origin,
    frames: list[NDArray[np.uint8]],
    file: Path,
    closeness: Callable[[], Closeness],
) -> OriginalAgreement:
    """Compares a file with the original: on frames, and at other sizes if it is to take them."""
    agreement = _agreement(original, model, origin, frames, closeness())
    if not model.spec.dynamic:
        return agreement
    sizes = prove_sizes(file, model.spec, frames[0], lambda tensor: original.logits(original(tensor)), closeness)
    return replace(agreement, sizes=sizes)


def _agreement(
    original: Original, model: Segmenter, origin: Origin, frames: list[NDArray[np.uint8]], closeness: Closeness
) -> OriginalAgreement:
    """Compares logits, and the masks that the network's own output means, at its own size, with the kernels'."""
    spec = model.spec
    size = spec.height, spec.width
    whole = spec.rect(spec.width, spec.height)
    cut = kernels.argmax if spec.head.exclusive else kernels.labels
    same = pixels = 0
    for frame in frames:
        tensor = model.prepare(frame)
        expected = original(tensor)
        actual, reference = model.infer(tensor), original.logits(expected)
        closeness.add(actual, reference)
        own = size if original.own_mask.resizes_scores and spec.grid != "corners" else None
        # What the channels that are left out would have won is no matter.
        alone = original.model_spec.channels is not None and spec.head.exclusive
        mask = reference[0].argmax(0) if alone else original.own_mask(expected, own)
        height, width = mask.shape[-2:]
        found = cut(actual, width, height, rect=whole if (height, width) == size else None)
        agrees = found == mask
        same += int((agrees if alone else agrees | original.own_mask.ties(expected, found, own)).sum())
        pixels += mask.size
    agreement = 100 * same / pixels
    difference, largest = closeness.difference, closeness.largest
    if not closeness.close or agreement < LEAST_AGREEMENT:
        if not np.array_equal(original.logits(original(tensor)), reference, equal_nan=True):
            raise ExportError(
                f"{original.where} gives other scores each time for the same frame, as Dropout in training mode and "
                "random numbers do; export it after model.eval(), without them"
            )
        fitting = " or ".join(map(str, sorted(strides(mask.shape[-2:], spec) - {spec.stride})))
        advice = f"to have its own output, give stride {fitting}" if fitting else "report it"
        raise ExportError(
            f"{original.where} disagrees with itself once it is wrapped: logits differ by up to {difference:.3g} "
            f"(largest {largest:.3g}), masks agree on {agreement:.2f} % of the pixels, expected {LEAST_AGREEMENT} %; "
            f"{ONE_PICTURE if original.batch > 1 else advice}"
        )
    return OriginalAgreement(
        file=origin.file,
        sha256=origin.sha256,
        undone=tuple(original.tail.names),
        max_difference=float(f"{difference:.2e}"),
        max_logit=round(largest, 3),
        mask_agreement=round(agreement, 4),
        frames=len(frames),
        torch_max_difference=origin.torch_max_difference,
    )


def _doubts(model: Segmenter, frames: list[NDArray[np.uint8]]) -> list[str]:
    """What looks wrong in the masks of real frames: it is mostly the input's range, mean or order of colours."""
    masks = [model(frame) for frame in frames]
    if model.spec.head.exclusive:
        share = np.sum([np.bincount(mask.ravel(), minlength=256) for mask in masks], axis=0) / sum(map(np.size, masks))
    else:
        share = np.mean([mask.mean(axis=(1, 2)) for mask in masks], axis=0)
    if share.max() < ABSURD:
        return []
    name = model.spec.classes[int(share.argmax())]
    return [
        f"{name} covers {100 * share.max():.1f} % of {len(frames)} frames; if that is not what they show, are colour, "
        "range, mean, std and threshold in the spec right?"
    ]


def _write_overlay(bundle: Bundle, model: Segmenter, frame: NDArray[np.uint8]) -> Path:
    """A frame with its classes painted over it, beside the bundle: wrong colours or levels are seen at a glance."""
    path = bundle.folder.with_name(f"{bundle.folder.name}.overlay.jpg")
    picture = cv2.imencode(".jpg", model.overlay(model.logits(frame), frame))[1]
    with atomic_file(path) as temporary:
        temporary.write_bytes(picture.tobytes())
    return path


def _precision(model: onnx.ModelProto) -> Precision:
    if any(node.op_type in QUANTISED for node in model.graph.node):
        return "int8"
    weights = {name for node in model.graph.node if node.op_type in ("Conv", "MatMul", "Gemm") for name in node.input}
    kinds = {tensor.data_type for tensor in model.graph.initializer if tensor.name in weights}
    return "fp16" if TensorProto.FLOAT16 in kinds else "fp32"
