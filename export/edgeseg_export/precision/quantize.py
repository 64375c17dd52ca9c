"""A bundle's fp32 artifact to FP16 and INT8: one calibration pass, INT8 for two runtimes, each artifact measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import onnx

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate
from edgeseg.agreement import Agreement
from edgeseg.artifact import SEVEN_BITS, Artifact, Precision, Target
from edgeseg.bundle import Bundle
from edgeseg.counted import counted
from edgeseg.engines import first_line, open_engine
from edgeseg.errors import ExportError
from edgeseg.fact import Fact
from edgeseg.measured import Calibration, HalfRange
from edgeseg.processor import sums_int8_exactly
from edgeseg.segmenter import Segmenter
from edgeseg.terminal import shown_name
from edgeseg_export.card_artifacts import with_artifacts
from edgeseg_export.frame_set import FrameSet
from edgeseg_export.frames import COUNT, frames_at, sample_frames, spread
from edgeseg_export.golden import Pictures, write_with_golden
from edgeseg_export.precision.calibration_data import FEWEST, CalibrationData
from edgeseg_export.precision.difference import latencies
from edgeseg_export.precision.evidence import Evidence
from edgeseg_export.precision.histogram import Method
from edgeseg_export.precision.prepare import Prepared, Progress, prepare
from edgeseg_export.precision.qdq import LARGEST_OF_SEVEN_BITS, Recipe
from edgeseg_export.precision.to_half import to_half
from edgeseg_export.scratch import scratch_folder

HASH_DIGITS = 16
"""Of each calibration frame's SHA-256 that the bundle keeps: enough to refuse an overlap later."""

LEAST_QUANTISED = 0.1
"""Share of the weights below which it is said how few INT8 holds in 8 bits."""

LEAST_OF_A_FRAME = 75.0
"""Percent of fp32's pixels below which a frame is said to be wrong, however good the mean is."""

THREADS = 2

Graphs = dict[tuple[Target, Precision], onnx.ModelProto]


@dataclass(frozen=True)
class Quantized:
    """The result of a quantisation.

    Attributes:
        bundle: with the new artifacts.
        scores: of each method that was tried, on frames that did not calibrate: mIoU, or agreement with fp32, percent.
        warnings: one sentence for each thing a user should know.
        misses: one sentence for each new artifact that may not run in place of fp32, or on why there is none.
    """

    bundle: Bundle
    scores: Mapping[Method, float]
    warnings: tuple[str, ...]
    misses: tuple[str, ...]


def quantize(
    bundle: Bundle,
    data: Path,
    *,
    split: str = "train",
    method: Method | Literal["auto"] = "auto",
    keep: frozenset[str] = frozenset(),
    seven_bits: bool | None = None,
    evaluation: Dataset | FrameSet | None = None,
    min_agreement: float | None = None,
    golden: Pictures | None = None,
    progress: Progress | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Quantized:
    """Adds fp16 and int8 artifacts to a bundle, which is replaced whole or not at all.

    Args:
        bundle: with an fp32 artifact for ONNX Runtime.
        data: a data set, a video, or a folder of images.
        split: of the data set, to calibrate on.
        method: that ranges come from; "auto" takes the one that scores best on frames that did not calibrate.
        keep: layers that stay in float.
        seven_bits: add an INT8 artifact with 7-bit weights too, for x86 without VNNI (edgeseg/processor.py); by default
            where this processor is one.
        evaluation: a labelled split, or frames without labels, to measure every artifact on; it must share no frame
            with the calibration. Without it, artifacts are compared on those frames of `data` that did not calibrate.
        min_agreement: percent of fp32's pixels that an artifact must give to be run in its place, where there are no
            labels; by default GATE_AGREEMENT of edgeseg/artifact.py. The bundle keeps it.
        golden: pictures for the golden frames; by default those of `data` that did not calibrate.
        progress: called after each calibrated frame with how many are done and how many there are.
        note: called with a sentence on the pictures that the bundle carries.

    Raises:
        BundleError: the bundle has no fp32 artifact.
        ExportError: the network has no convolution to quantise.
        UsageError: `keep` names a layer that the network has not.
        DataError: the data is too little, of other classes, or shares frames with `evaluation`.
        OutputError: the bundle or the cache cannot be written.
    """
    prepared = prepare(bundle, data, split, keep=keep, evaluation=evaluation, progress=progress)
    evidence = Evidence.of(prepared, evaluation, min_agreement)
    narrow_too = not sums_int8_exactly() if seven_bits is None else seven_bits
    with scratch_folder("quantize") as folder:
        scores = prepared.scores(method, keep, folder)
        recipe = Recipe(max(scores, key=lambda each: scores[each]), keep)
        calibration = _calibration(prepared.frames, recipe, scores)
        graphs = _graphs(prepared, recipe, narrow_too)
        half_range: HalfRange | None = None
        refused: tuple[str, ...] = ()
        try:
            halves = _half_graphs(prepared, recipe)
            half_range = prepared.half_range()
            graphs |= halves
        except ExportError as error:  # what float16 cannot hold may do well in INT8 and float32
            refused = (f"nothing is written for TensorRT: {error}",)
        new: dict[Path, Artifact] = {}
        for (target, precision), graph in graphs.items():
            path = _save(graph, folder, bundle.spec.name, target, precision)
            measured = evidence.measure(path, target, precision)
            if half_range is not None and target == "tensorrt":  # INT8 too is float16 where it is not quantised
                measured = measured.add(half_range)
            if precision != "fp16":
                measured = measured.add(calibration)
            new[path] = Artifact.of(path, target=target, precision=precision, measured=measured)
        artifacts = _with_others(bundle, new, evidence.labelled, prepared.tensors[0])
        pictures = golden or _pictures(prepared.frames, data)
        card = f"# {bundle.spec.name}\n" if bundle.card is None else (bundle.folder / bundle.card).read_text("utf-8")
        card = with_artifacts(card, tuple(artifacts.values()))
        written = write_with_golden(bundle.folder, bundle.spec, artifacts, card, pictures, note)
        warnings = (*_warnings(prepared.frames, graphs["onnxruntime", "int8"]), *astray(new.values()))
        return Quantized(written, scores, warnings, (*refused, *_misses(written, new.values())))


def _misses(bundle: Bundle, new: Iterable[Artifact]) -> tuple[str, ...]:
    fp32 = bundle.artifact(target="onnxruntime", precision="fp32")
    kinds = {str(artifact) for artifact in new}
    losses = {str(each): each.loss_against(fp32) for each in bundle.artifacts if str(each) in kinds}
    return tuple(f"{kind}: {loss}; it is used only if asked for" for kind, loss in losses.items() if loss is not None)


def _pictures(frames: CalibrationData, data: Path) -> Pictures:
    """Some of the frames that did not calibrate, as they were before they were fitted."""
    if frames.images is not None:
        return Pictures(frames.name, sample_frames(frames.images))
    places = spread(len(frames.choose), COUNT)
    return Pictures(shown_name(data), frames_at(data, {frames.choose[place].index for place in places}))


def _calibration(frames: CalibrationData, recipe: Recipe, scores: Mapping[Method, float]) -> Calibration:
    """What the bundle keeps of the calibration."""
    return Calibration(
        method=recipe.method,
        keep=tuple(sorted(recipe.keep)),
        scores={each: round(score, 4) for each, score in scores.items()},
        scored_by="mask agreement" if frames.labelled is None else "miou",
        data=frames.name,
        frames=len(frames.calibrate),
        frames_sha256=tuple(sorted(digest[:HASH_DIGITS] for digest in frames.hashes)),
    )


def _graphs(prepared: Prepared, recipe: Recipe, seven_bits: bool) -> Graphs:
    """The new graphs without float16, by target and precision, checked."""
    graphs: Graphs = {("onnxruntime", "int8"): prepared.onnxruntime(recipe)}
    if seven_bits:
        graphs["onnxruntime", SEVEN_BITS] = prepared.onnxruntime(replace(recipe, largest=LARGEST_OF_SEVEN_BITS))
    return _checked(graphs)


def _half_graphs(prepared: Prepared, recipe: Recipe) -> Graphs:
    """Those with float16, checked.

    Raises:
        ExportError: a constant is beyond its range.
    """
    return _checked({("tensorrt", "fp16"): to_half(prepared.graph), ("tensorrt", "int8"): prepared.tensorrt(recipe)})


def _checked(graphs: Graphs) -> Graphs:
    """The same graphs.

    Raises:
        ExportError: one is no valid ONNX.
    """
    for (target, precision), graph in graphs.items():
        try:
            onnx.checker.check_model(graph, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            reason = f"{precision} for {target} would be no valid ONNX ({first_line(error)})"
            raise ExportError(f"{reason}; keep it in fp32, and report this") from error
    return graphs


def _save(graph: onnx.ModelProto, folder: Path, name: str, target: Target, precision: Precision) -> Path:
    """Writes a graph; the target is part of the name where one precision has several."""
    suffix = precision if target == "onnxruntime" or precision == "fp16" else f"{precision}.{target}"
    path = folder / f"{name}.{suffix}.onnx"
    onnx.save_model(graph, path)
    return path


def _with_others(
    bundle: Bundle, new: dict[Path, Artifact], evaluation: Dataset | None, tensor: Any
) -> dict[Path, Artifact]:
    """New artifacts, and those of a bundle of other kinds; INT8 first where it is faster and good enough."""
    spec = bundle.spec
    fp32 = bundle.artifact(target="onnxruntime", precision="fp32")
    int8_path, int8 = next((path, each) for path, each in new.items() if str(each) == "onnxruntime int8")
    if evaluation is not None:
        reference = Segmenter(spec, open_engine("onnxruntime", bundle.path(fp32), spec, threads=1))
        fp32 = _with(fp32, evaluate(reference, evaluation))
    engines = [open_engine("onnxruntime", path, spec, THREADS, own=True) for path in (bundle.path(fp32), int8_path)]
    slow, fast = latencies(engines, tensor)
    fp32, int8 = _with(fp32, slow), _with(int8, replace(fast, fp32_median_ms=slow.median_ms))
    new = {**new, int8_path: int8}
    kinds = {str(artifact) for artifact in (*new.values(), fp32)}
    others = {bundle.path(each): each for each in bundle.artifacts if str(each) not in kinds}
    ours = {bundle.path(fp32): fp32, **new}
    if int8.keeps_accuracy_of(fp32) and fast.median_ms < slow.median_ms:
        ours = {int8_path: int8, **ours}
    return {**ours, **others}


def _with(artifact: Artifact, fact: Fact) -> Artifact:
    return replace(artifact, measured=artifact.measured.add(fact))


def _warnings(frames: CalibrationData, int8: onnx.ModelProto) -> tuple[str, ...]:
    sentences = []
    if len(frames.calibrate) < FEWEST:
        sentences.append(
            f"{counted(len(frames.calibrate), 'frame')} calibrated, fewer than {FEWEST}: values that they do not show "
            "are cut off; check the result on other frames, or give more"
        )
    share = _quantised_share(int8)
    if share < LEAST_QUANTISED:
        sentences.append(
            f"INT8 holds {100 * share:.1f} % of the weights in 8 bits: convolutions are quantised, but not the last "
            "one, nor matrix products, as transformers have them; it is hardly smaller or faster than fp32"
        )
    return tuple(sentences)


def astray(artifacts: Iterable[Artifact]) -> tuple[str, ...]:
    """A sentence for each artifact that has one frame wrong, which a mean over all of them hides."""
    sentences = []
    for artifact in artifacts:
        fact = artifact.measured.get(Agreement)
        if fact is not None and fact.worst_frame < LEAST_OF_A_FRAME:
            sentences.append(
                f"{artifact} gives {fact.worst_frame:.2f} % of fp32's pixels in its worst frame, and "
                f"{fact.mask_agreement:.2f} % on the mean of {counted(fact.frames or 0, 'frame')}; edgeseg verify "
                "--html shows that frame: look at it"
            )
    return tuple(sentences)


def _quantised_share(graph: onnx.ModelProto) -> float:
    """Share of a graph's constants that are int8, 0 to 1."""
    sizes: Counter[int] = Counter()
    for tensor in graph.graph.initializer:
        sizes[tensor.data_type] += math.prod(tensor.dims)
    return sizes[onnx.TensorProto.INT8] / max(1, sizes.total())
