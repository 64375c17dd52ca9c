"""What quantisation and sensitivity start from: the fp32 graph, frames for two purposes, one calibration pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import onnx

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate
from edgeseg.artifact import Artifact
from edgeseg.bundle import FLOAT, Bundle
from edgeseg.engines import open_engine
from edgeseg.errors import BundleError, ExportError, FrameError, UsageError
from edgeseg.measured import HalfRange
from edgeseg.segmenter import Segmenter
from edgeseg_export.frame_set import FrameSet
from edgeseg_export.precision import qdq_onnxruntime, qdq_tensorrt
from edgeseg_export.precision.as_written import AsWritten, open_to_measure
from edgeseg_export.precision.calibration import Histograms, cache_file, calibrate, read_cache, write_cache
from edgeseg_export.precision.calibration_data import CalibrationData, Tensor, read_calibration_data, refuse_overlap
from edgeseg_export.precision.difference import difference
from edgeseg_export.precision.float_graph import FloatGraph
from edgeseg_export.precision.histogram import METHODS, Method
from edgeseg_export.precision.qdq import Recipe
from edgeseg_export.precision.to_half import half_range, rounded_to_half

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Prepared:
    """A bundle that is ready to be quantised.

    Attributes:
        source: its fp32 artifact.
        graph: of that.
        reference: runs it, on one thread.
        frames: that the quantisation learns from.
        histograms: of every activation, over the frames for calibration.
    """

    source: Artifact
    graph: FloatGraph
    reference: Segmenter
    frames: CalibrationData
    histograms: Histograms

    @property
    def tensors(self) -> list[Tensor]:
        """The frames that did not calibrate, uint8 (1, H, W, 3)."""
        return [sample.tensor for sample in self.frames.choose]

    def scores(self, method: Method | Literal["auto"], keep: frozenset[str], folder: Path) -> dict[Method, float]:
        """mIoU of ONNX Runtime's INT8 by a method, or "auto" by each, on frames that did not calibrate; percent.

        Without labels it is the agreement with fp32. Files are written into `folder`.
        """
        file = folder / "candidate.onnx"
        methods = METHODS if method == "auto" else (method,)
        return {each: self._score(self.int8(Recipe(each, keep), file)) for each in methods}

    def int8(self, recipe: Recipe, file: Path) -> Segmenter:
        """ONNX Runtime's INT8 by this recipe, on one thread; it is written to `file`."""
        onnx.save_model(self.onnxruntime(recipe), file)
        spec = self.reference.spec
        return Segmenter(spec, open_to_measure("onnxruntime", "int8", file, spec, own=True))

    def onnxruntime(self, recipe: Recipe) -> onnx.ModelProto:
        """ONNX Runtime's INT8 by this recipe."""
        return qdq_onnxruntime.emit(self.graph, self.histograms, recipe)

    def tensorrt(self, recipe: Recipe) -> onnx.ModelProto:
        """TensorRT's INT8 by this recipe."""
        return qdq_tensorrt.emit(self.graph, self.histograms, recipe)

    def half_range(self) -> HalfRange:
        """How near the network comes to the end of float16's range, and what rounding alone changes.

        Raises:
            ExportError: the logits are no numbers then, as an activation is beyond the range or becomes 0.
        """
        rounded = AsWritten(rounded_to_half(self.graph, self.histograms), keep_half=True)
        try:
            apart = difference(self.reference, Segmenter(self.reference.spec, rounded), self.tensors)
        except FrameError as error:
            worst = half_range(self.histograms, None)
            reason = f"activation {worst.tensor} reaches {worst.largest_of_range:.2g} times the end of its range"
            if worst.largest_of_range < 1:
                reason = "something that it divides by becomes 0 there, as an epsilon below 6e-8 does"
            raise ExportError(f"float16 cannot hold this network: {reason}; keep it in fp32") from error
        return half_range(self.histograms, apart.fact(str(self.source)))

    def _score(self, candidate: Segmenter) -> float:
        if self.frames.labelled is not None:
            return evaluate(candidate, self.frames.labelled).miou
        return difference(self.reference, candidate, self.tensors).agreement


def prepare(
    bundle: Bundle,
    data: Path,
    split: str,
    *,
    keep: frozenset[str] = frozenset(),
    evaluation: Dataset | FrameSet | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Reads the frames and runs the calibration pass, or takes it from the cache.

    Args:
        bundle: with an fp32 artifact for ONNX Runtime.
        data: a data set, a video, or a folder of images.
        split: of the data set.
        keep: layers that are to stay in float.
        evaluation: a split, or frames without labels, that may share no frame with the calibration.
        progress: called after each calibrated frame with how many are done and how many there are.

    Raises:
        BundleError: the bundle has no fp32 artifact.
        ExportError: the network has no convolution to quantise.
        UsageError: `keep` names a layer that the network has not.
        DataError: the data is too little, of other classes, or shares frames with `evaluation`.
        OutputError: the cache cannot be written.
    """
    if all(artifact.precision != FLOAT for artifact in bundle.artifacts):
        has = ", ".join(map(str, bundle.artifacts))
        raise BundleError(f"bundle {bundle.spec.name} has {has}, but no fp32 to start from; import the float network")
    source = bundle.artifact(target="onnxruntime", precision=FLOAT)
    file = bundle.path(source)
    graph = FloatGraph.load(file)
    _check_layers(graph, keep)
    reference = Segmenter(bundle.spec, open_engine("onnxruntime", file, bundle.spec, threads=1))
    frames = read_calibration_data(data, split, reference)
    if isinstance(evaluation, FrameSet):
        evaluation.refuse_overlap(frames.hashes)
    elif evaluation is not None:
        refuse_overlap(frames.hashes, evaluation)
    return Prepared(source, graph, reference, frames, _calibrated(graph, source.sha256, frames, progress))


def _check_layers(graph: FloatGraph, keep: frozenset[str]) -> None:
    layers = [graph.layer(node) for node in graph.convolutions()]
    if not layers:
        raise ExportError("the network has no convolution whose weights are constants, as INT8 needs; keep it in fp32")
    unknown = sorted(keep - set(layers))
    if unknown:
        raise UsageError(f"the network has no layer {', '.join(unknown)} to keep in float; it has {', '.join(layers)}")


def _calibrated(graph: FloatGraph, model_sha256: str, frames: CalibrationData, progress: Progress | None) -> Histograms:
    """The histograms of all frames for calibration, from the cache if it has them."""
    file = cache_file(model_sha256, [sample.sha256 for sample in frames.calibrate])
    histograms = read_cache(file)
    if histograms is None:
        tensors = (sample.tensor for sample in frames.calibrate)
        histograms = calibrate(graph, tensors, total=len(frames.calibrate), progress=progress)
        write_cache(file, histograms)
    return histograms
