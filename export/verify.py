"""What each step from PyTorch to INT8 cost: every stage on every image of a split, each against the stage before."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.dataset import Dataset
from edgeseg.engines import Engine, open_engine
from edgeseg.errors import DataError, UsageError
from edgeseg.export.precision.as_written import AsWritten
from edgeseg.export.precision.calibration_data import refuse_overlap
from edgeseg.metrics import ConfusionMatrix
from edgeseg.models.normalise import FrameToLogits
from edgeseg.models.weights import load_weights
from edgeseg.segmenter import Segmenter

ORDER = ("onnxruntime fp32", "tensorrt fp16", "onnxruntime int8", "tensorrt int8", "onnxruntime int8-7bit")
"""Stages in the order of what they are made from; each is compared with the one before."""

WORST = 3
"""Frames that are shown of each stage."""


class TorchEngine:
    """PyTorch itself as the first stage, in float32 on the CPU."""

    name = "torch"
    threads = 1

    def __init__(self, weights: Path) -> None:
        self._graph = FrameToLogits(load_weights(weights).network).eval()

    @torch.no_grad()
    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (1, C, h, w), float32, of a tensor (1, H, W, 3), uint8, BGR."""
        logits: NDArray[np.float32] = self._graph(torch.from_numpy(tensor)).numpy()
        return logits

    def close(self) -> None:
        """Nothing to free."""


@dataclass(frozen=True)
class Stage:
    """A step of the way, ready to run.

    Attributes:
        name: "torch", or an artifact's target and precision.
        model: runs it.
        engine: what runs it, for the report.
        artifact: None for torch.
    """

    name: str
    model: Segmenter
    engine: str
    artifact: Artifact | None = None


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
        median_ms: of an inference, one frame at a time, without fitting and arg-max.
    """

    stage: str
    engine: str
    matrix: ConfusionMatrix
    before: str | None
    agreement: float
    worst: tuple[tuple[int, float], ...]
    median_ms: float

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
            "median_ms": round(self.median_ms, 3),
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


def stages(bundle: Bundle, weights: Path | None) -> list[Stage]:
    """All stages that this machine can run; those of TensorRT are computed as they are written.

    Raises:
        UsageError: there is only one, so nothing can be compared.
    """
    spec = bundle.spec
    found = []
    if weights is not None:
        torch_engine = TorchEngine(weights)
        found.append(Stage("torch", Segmenter(spec, torch_engine), torch_engine.name))
    by_name = {str(artifact): artifact for artifact in bundle.artifacts}
    for name in ORDER:
        if name in by_name:
            artifact = by_name[name]
            path = bundle.path(artifact)
            ours = artifact.target == "onnxruntime"
            engine: Engine = open_engine("onnxruntime", path, spec, threads=1) if ours else AsWritten(path)
            found.append(Stage(name, Segmenter(spec, engine), engine.name, artifact))
    if len(found) < 2:
        raise UsageError(
            f"{spec.name} has one stage, {', '.join(stage.name for stage in found) or 'none'}, expected two or more to "
            "compare; give --weights, or run `edgeseg quantize` first"
        )
    return found


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
    matrices = [ConfusionMatrix(names) for _ in given]
    shares: list[list[float]] = [[] for _ in given]
    seconds: list[list[float]] = [[] for _ in given]
    for place, (frame, label) in enumerate(dataset):
        before: NDArray[np.uint8] | None = None
        for number, stage in enumerate(given):
            tensor = stage.model.prepare(frame)
            started = time.perf_counter()
            logits = stage.model.infer(tensor)
            seconds[number].append(time.perf_counter() - started)
            mask = stage.model.mask(logits, frame.shape[1], frame.shape[0])
            matrices[number].add(mask, label, ignore=dataset.classes.ignore)
            shares[number].append(100.0 if before is None else 100 * float((mask == before).mean()))
            before = mask
        if progress is not None:
            progress(place + 1, len(dataset))
    return [
        StageResult(
            stage.name,
            stage.engine,
            matrices[number],
            given[number - 1].name if number else None,
            float(np.mean(shares[number])),
            tuple((int(place), shares[number][place]) for place in np.argsort(shares[number])[:WORST]),
            1e3 * float(np.median(seconds[number])),
        )
        for number, stage in enumerate(given)
    ]
