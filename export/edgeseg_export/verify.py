"""What each step from PyTorch to INT8 cost: every stage on every image of a split, each against the stage before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.metrics import ConfusionMatrix
from edgeseg.artifact import SEVEN_BITS, Artifact
from edgeseg.bundle import Bundle
from edgeseg.engines import Engine, open_engine
from edgeseg.errors import DataError, EngineError, UsageError
from edgeseg.segmenter import Segmenter
from edgeseg_export.precision.as_written import AsWritten
from edgeseg_export.precision.calibration_data import refuse_overlap
from edgeseg_export.torch_engine import HalfTorchEngine, TorchEngine

BEFORE: dict[str, tuple[str, ...]] = {
    "onnxruntime fp32": ("torch",),
    "tensorrt fp16": ("onnxruntime fp32",),
    "onnxruntime int8": ("tensorrt fp16", "onnxruntime fp32"),
    f"onnxruntime {SEVEN_BITS}": ("tensorrt fp16", "onnxruntime fp32"),
    "tensorrt int8": ("tensorrt fp16", "onnxruntime fp32"),
}
"""Artifacts in order, and what each is compared with: the first of these that is there."""

RUNTIMES = {"onnxruntime": ("openvino",), "tensorrt": ("tensorrt",)}
"""What else may run an artifact, by its target; it is compared with the artifact as it was computed before."""

WORST = 3
"""Frames that are shown of each stage."""


@dataclass(frozen=True)
class Stage:
    """A step of the way, ready to run.

    Attributes:
        name: "torch", "torch fp16", an artifact's target and precision, or that "in" another runtime.
        model: runs it.
        engine: what runs it, for the report.
        artifact: None for torch.
        before: name of the stage that it is compared with; by default the one before it in the list.
        timed: whether its time means anything; not so for a graph that is computed as it is written.
        notes: what else is known when all frames are done, as a JSON object.
    """

    name: str
    model: Segmenter
    engine: str
    artifact: Artifact | None = None
    before: str | None = None
    timed: bool = True
    notes: Callable[[], Mapping[str, Any]] = dict


@dataclass(frozen=True)
class StageResult:
    """What was measured of a stage; figures in percent.

    Attributes:
        stage: its name.
        engine: what ran it.
        matrix: over the whole split.
        before: the stage it is compared with; None for the first.
        agreement: pixels with the same class as the stage before; 100 for the first.
        worst: (place in the split, agreement) of the frames that agree least, the worst first.
        median_ms: of an inference, one frame at a time on one thread, without fitting and arg-max; None where it would
            mean nothing.
        bytes: of the artifact; None for torch.
        notes: of the stage.
    """

    stage: str
    engine: str
    matrix: ConfusionMatrix
    before: str | None
    agreement: float
    worst: tuple[tuple[int, float], ...]
    median_ms: float | None
    bytes: int | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON object for the bundle."""
        iou = {
            name: None if np.isnan(each) else round(float(each), 4)
            for name, each in zip(self.matrix.classes, self.matrix.iou, strict=True)
        }
        return {
            "engine": self.engine,
            "miou": round(self.matrix.miou, 4),
            "iou": iou,
            "before": self.before,
            "agreement": round(self.agreement, 4),
            "worst_frames": [[place, round(share, 4)] for place, share in self.worst],
            "median_ms": None if self.median_ms is None else round(self.median_ms, 3),
            "bytes": self.bytes,
            **self.notes,
        }


@dataclass(frozen=True)
class Gate:
    """Thresholds in percent; None is not applied.

    Attributes:
        min_miou: that every stage must reach.
        min_agreement: with the stage before.
        max_drop: of mIoU against the first stage.
    """

    min_miou: float | None = None
    min_agreement: float | None = None
    max_drop: float | None = None

    def misses(self, results: Sequence[StageResult]) -> list[str]:
        """One sentence for each threshold that a stage misses; a figure that is not defined misses."""
        found = []
        first = results[0].matrix.miou
        for result in results:
            miou, agreement = result.matrix.miou, result.agreement
            if self.min_miou is not None and not miou >= self.min_miou:
                found.append(f"{result.stage}: mIoU {miou:.2f} %, expected at least {self.min_miou:g} %")
            if self.min_agreement is not None and not agreement >= self.min_agreement:
                found.append(
                    f"{result.stage}: agrees with {result.before} on {agreement:.3f} % of the pixels, expected at "
                    f"least {self.min_agreement:g} %"
                )
            if self.max_drop is not None and not first - miou <= self.max_drop:
                found.append(
                    f"{result.stage}: mIoU fell by {first - miou:.2f} % since {results[0].stage}, expected at most "
                    f"{self.max_drop:g} %"
                )
        return found

    def unused(self) -> list[str]:
        """Names of the thresholds that were not given."""
        return [f"--{name.replace('_', '-')}" for name, value in vars(self).items() if value is None]


def stages(bundle: Bundle, weights: Path | None) -> tuple[list[Stage], list[str]]:
    """All stages that this machine can run, and why others are left out.

    Artifacts for TensorRT are computed as they are written; where TensorRT and a GPU are, by TensorRT too.

    Raises:
        UsageError: there is only one, so nothing can be compared.
    """
    spec = bundle.spec
    found, left_out = [], []
    if weights is not None:
        found.append(Stage("torch", Segmenter(spec, TorchEngine(weights)), TorchEngine.name))
        half = HalfTorchEngine(weights)
        found.append(Stage("torch fp16", Segmenter(spec, half), half.name, before="torch", notes=half.range))
    artifacts = {str(artifact): artifact for artifact in bundle.artifacts if str(artifact) in BEFORE}
    for name in (name for name in BEFORE if name in artifacts):
        artifact, there = artifacts[name], {stage.name for stage in found}
        path = bundle.path(artifact)
        before = next((each for each in BEFORE[name] if each in there), None)
        ours = artifact.target == "onnxruntime"
        engine: Engine = open_engine("onnxruntime", path, spec, threads=1) if ours else AsWritten(path)
        found.append(Stage(name, Segmenter(spec, engine), engine.name, artifact, before, timed=ours))
    for name, artifact in artifacts.items():
        for runtime in RUNTIMES[artifact.target]:
            try:
                engine = open_engine(runtime, bundle.path(artifact), spec, threads=1)
            except EngineError as error:
                left_out.append(f"{name} in {runtime}: {error}")
            else:
                found.append(Stage(f"{name} in {runtime}", Segmenter(spec, engine), engine.name, artifact, name))
    if len(found) < 2:
        raise UsageError(
            f"{spec.name} has one stage, {', '.join(stage.name for stage in found) or 'none'}, expected two or more to "
            "compare; give --weights, or run `edgeseg quantize` first"
        )
    return found, left_out


def verify(
    given: Sequence[Stage], dataset: Dataset, *, progress: Callable[[int, int], None] | None = None
) -> list[StageResult]:
    """Segments every image with every stage, in turns, so that a slow moment of the machine meets all.

    Raises:
        DataError: the classes are not the model's, or an image served for calibration.
    """
    names = given[0].model.spec.classes
    if dataset.classes.names != names:
        raise DataError(
            f"{dataset.folder} has the classes {', '.join(dataset.classes.names)}, the bundle {', '.join(names)}; "
            "verify on data with the same classes in the same order"
        )
    for stage in given:
        if stage.artifact is not None:
            used = stage.artifact.measured.get("calibration", {}).get("frames_sha256", [])
            refuse_overlap(set(used), dataset)
    order = [stage.name for stage in given]
    against = [
        max(number - 1, 0) if stage.before is None else order.index(stage.before) for number, stage in enumerate(given)
    ]
    matrices = [ConfusionMatrix(names) for _ in given]
    shares: list[list[float]] = [[] for _ in given]
    seconds: list[list[float]] = [[] for _ in given]
    for place, (frame, label) in enumerate(dataset):
        masks: list[NDArray[np.uint8]] = []
        for number, stage in enumerate(given):
            tensor = stage.model.prepare(frame)
            started = time.perf_counter()
            logits = stage.model.infer(tensor)
            seconds[number].append(time.perf_counter() - started)
            mask = stage.model.mask(logits, frame.shape[1], frame.shape[0])
            matrices[number].add(mask, label, ignore=dataset.classes.ignore)
            masks.append(mask)
            shares[number].append(100 * float((mask == masks[against[number]]).mean()))
        if progress is not None:
            progress(place + 1, len(dataset))
    return [
        StageResult(
            stage.name,
            stage.engine,
            matrices[number],
            order[against[number]] if number else None,
            float(np.mean(shares[number])),
            tuple((int(place), shares[number][place]) for place in np.argsort(shares[number])[:WORST]),
            1e3 * float(np.median(seconds[number])) if stage.timed else None,
            None if stage.artifact is None else stage.artifact.bytes,
            stage.notes(),
        )
        for number, stage in enumerate(given)
    ]
