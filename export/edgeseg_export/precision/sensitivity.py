"""How much each convolution loses by INT8, quantised alone; and which ones are worth leaving in float.

Every choice is made on frames that did not calibrate: `CalibrationData.choose`. Where `quantize` has other frames or
labels to measure on, no figure is reported on these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from edgeseg.artifact import Target
from edgeseg.bundle import Bundle
from edgeseg.engines import open_engine
from edgeseg.errors import UsageError
from edgeseg.segmenter import Segmenter
from edgeseg_export.precision import qdq_onnxruntime, qdq_tensorrt
from edgeseg_export.precision.as_written import AsWritten
from edgeseg_export.precision.calibration_data import CHOOSE
from edgeseg_export.precision.difference import latencies
from edgeseg_export.precision.histogram import Method
from edgeseg_export.precision.judge import Judge, Loss
from edgeseg_export.precision.prepare import Prepared, Progress, prepare
from edgeseg_export.precision.qdq import Recipe
from edgeseg_export.precision.sensitivity_result import THREADS, Mix, Sensitivity
from edgeseg_export.scratch import scratch_folder

TRIED = 8
"""Layers that are tried in float, the most sensitive first."""

WORTH = 0.05
"""Fraction of the flipped pixels that a layer must take away to stay in float."""


def sensitivity(
    bundle: Bundle,
    data: Path,
    *,
    split: str = "train",
    method: Method | Literal["auto"] = "auto",
    target: Target = "onnxruntime",
    images: int = CHOOSE,
    slower: float = 5.0,
    progress: Progress | None = None,
) -> Sensitivity:
    """Measures every layer alone, then INT8 with the most sensitive layers in float, the worst first.

    Args:
        bundle: with an fp32 artifact for ONNX Runtime.
        data: a data set, a video, or a folder of images.
        split: of the data set.
        method: that ranges come from; "auto" takes the one that scores best.
        target: the runtime whose INT8 is measured.
        images: frames to measure on, at most.
        slower: percent that INT8 with layers in float may be slower than INT8 throughout.
        progress: called after each step with how many are done and how many there are.

    Raises:
        BundleError: the bundle has no fp32 artifact.
        UsageError: there are no images to measure on.
        DataError: the data is too little, or of other classes.
        OutputError: the cache cannot be written.
    """
    if images < 1:
        raise UsageError(f"got {images} images to measure on, expected at least 1")
    prepared = prepare(bundle, data, split, progress=progress)
    judge = Judge(prepared.reference, prepared.frames, images)
    layers = (qdq_onnxruntime if target == "onnxruntime" else qdq_tensorrt).layers(prepared.graph)
    with scratch_folder("sensitivity") as folder:
        scores = prepared.scores(method, frozenset(), folder)
        recipe = Recipe(max(scores, key=lambda each: scores[each]))

        def loss(recipe: Recipe) -> Loss:
            if target == "onnxruntime":
                return judge.loss(prepared.int8(recipe, folder / "candidate.onnx"))
            return judge.loss(Segmenter(bundle.spec, AsWritten(prepared.tensorrt(recipe))))

        result = Sensitivity(
            bundle=bundle.spec.name,
            onnx_sha256=prepared.source.sha256,
            target=target,
            method=recipe.method,
            data=prepared.frames.name,
            frames=judge.frames,
            miou=judge.miou,
            layers={},
            whole=loss(recipe),
            tried=(),
            keep=(),
        )
        for done, layer in enumerate(layers, start=1):
            result.layers[layer] = loss(replace(recipe, alone=layer))
            if progress is not None:
                progress(done, len(layers))
        if target == "tensorrt":
            return result
        tried, keep = _choose(result, recipe, prepared, bundle, loss, folder, slower)
        return replace(result, tried=tried, keep=keep)


def _choose(
    result: Sensitivity,
    recipe: Recipe,
    prepared: Prepared,
    bundle: Bundle,
    loss: Callable[[Recipe], Loss],
    folder: Path,
    slower: float,
) -> tuple[tuple[Mix, ...], tuple[str, ...]]:
    """The mixes, each with one layer more, the worst first; and the layers that stay in float in the end."""
    whole = folder / "whole.onnx"
    prepared.int8(recipe, whole)
    files = [bundle.path(prepared.source), whole]
    others = [open_engine("onnxruntime", file, bundle.spec, THREADS, own=True) for file in files]
    best, keep, tried = result.whole, frozenset[str](), []
    for layer in result.worst()[:TRIED]:
        mixed = replace(recipe, keep=keep | {layer})
        lost = loss(mixed)
        engine = open_engine("onnxruntime", folder / "candidate.onnx", bundle.spec, THREADS, own=True)
        fp32, int8, mix = (
            each.least_ms for each in latencies([*others, engine], prepared.tensors[0])
        )
        tried.append(Mix(tuple(sorted(mixed.keep)), lost, mix, 100 * (mix / int8 - 1), fp32 / mix))
        if lost.flipped < best.flipped and lost.flipped <= (1 - WORTH) * best.flipped and tried[-1].slower <= slower:
            best, keep = lost, mixed.keep
    return tuple(tried), tuple(sorted(keep))
