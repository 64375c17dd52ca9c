"""What each step from PyTorch to INT8 cost: every stage on every image of a split, each against the stage before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeseg.accuracy.classes import VOID
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.label_dataset import LabelDataset
from edgeseg.accuracy.label_matrix import LabelMatrix
from edgeseg.accuracy.metrics import ConfusionMatrix
from edgeseg.arrays import Image, Mask
from edgeseg.errors import DataError
from edgeseg.measured import Verification
from edgeseg_export.precision.calibration_data import refuse_seen
from edgeseg_export.verify_stages import Stage

WORST = 3
"""Frames that are shown of each stage."""


@dataclass(frozen=True)
class StageResult:
    """What was measured of a stage; figures in percent.

    Attributes:
        stage: its name.
        engine: what ran it.
        matrix: over the whole split.
        before: the stage it is compared with; None for the first.
        agreement: pixels with the same class as the stage before; 100 for the first. Of labels that may overlap, over
            their masks together.
        worst: (place in the split, agreement) of the frames that agree least, the worst first.
        median_ms: of an inference, one frame at a time on one thread, without fitting and arg-max; None where it would
            mean nothing.
        bytes: of the artifact; None for torch.
        notes: of the stage.
    """

    stage: str
    engine: str
    matrix: ConfusionMatrix | LabelMatrix
    before: str | None
    agreement: float
    worst: tuple[tuple[int, float], ...]
    median_ms: float | None
    bytes: int | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    def verification(self, data_sha256: str | None = None) -> Verification:
        """As a bundle keeps it; `data_sha256` is the split's."""
        return Verification(
            engine=self.engine,
            miou=self.matrix.miou,
            iou=dict(zip(self.matrix.classes, self.matrix.iou.tolist(), strict=True)),
            before=self.before,
            agreement=self.agreement,
            worst_frames=self.worst,
            median_ms=None if self.median_ms is None else round(self.median_ms, 3),
            bytes=self.bytes,
            data_sha256=data_sha256,
        )


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
        misses = []
        first = results[0].matrix.miou
        for result in results:
            miou, agreement = result.matrix.miou, result.agreement
            if self.min_miou is not None and not miou >= self.min_miou:
                misses.append(f"{result.stage}: mIoU {miou:.2f} %, expected at least {self.min_miou:g} %")
            if self.min_agreement is not None and not agreement >= self.min_agreement:
                misses.append(
                    f"{result.stage}: agrees with {result.before} on {agreement:.3f} % of the pixels, expected at "
                    f"least {self.min_agreement:g} %"
                )
            if self.max_drop is not None and not first - miou <= self.max_drop:
                misses.append(
                    f"{result.stage}: mIoU fell by {first - miou:.2f} % since {results[0].stage}, expected at most "
                    f"{self.max_drop:g} %"
                )
        return misses

    def unused(self) -> list[str]:
        """Names of the thresholds that are not applied."""
        return [f"--{name.replace('_', '-')}" for name, value in vars(self).items() if value is None]


def verify(
    stages: Sequence[Stage], dataset: Dataset, *, progress: Callable[[int, int], None] | None = None
) -> list[StageResult]:
    """Segments every image with every stage, in turns, so that a slow moment of the machine meets all.

    Raises:
        DataError: the classes are not the model's, or an image served for calibration.
    """
    _check_data(stages, dataset)
    order = [stage.name for stage in stages]
    references = [
        max(number - 1, 0) if stage.before is None else order.index(stage.before) for number, stage in enumerate(stages)
    ]
    spec = stages[0].model.spec
    truth: Dataset | LabelDataset = dataset
    tallies = [_Tally(stage, ConfusionMatrix(spec.classes)) for stage in stages]
    ignore = dataset.classes.ignore
    if not spec.head.exclusive:
        truth, ignore = LabelDataset.of(dataset, spec), VOID
        tallies = [_Tally(stage, LabelMatrix(spec.classes)) for stage in stages]
    for place, (frame, label) in enumerate(truth):
        masks: list[Mask] = []
        for tally, reference in zip(tallies, references, strict=True):
            masks.append(tally.segment(frame))
            tally.compare(masks[-1], masks[reference], label, ignore=ignore)
        if progress is not None:
            progress(place + 1, len(dataset))
    return [
        tally.result(order[reference] if number else None)
        for number, (tally, reference) in enumerate(zip(tallies, references, strict=True))
    ]


def _check_data(stages: Sequence[Stage], dataset: Dataset) -> None:
    names = stages[0].model.spec.classes
    if stages[0].model.spec.head.exclusive and dataset.classes.names != names:
        raise DataError(
            f"{dataset.folder} has the classes {', '.join(dataset.classes.names)}, the bundle {', '.join(names)}; "
            "verify on data with the same classes in the same order"
        )
    for stage in stages:
        if stage.artifact is not None:
            refuse_seen(stage.artifact, dataset)


@dataclass
class _Tally:
    """What is counted of a stage, frame by frame."""

    stage: Stage
    matrix: ConfusionMatrix | LabelMatrix
    agreements: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def segment(self, frame: Image) -> Mask:
        """The mask at the frame's size; the time is that of the inference alone."""
        model = self.stage.model
        tensor = model.prepare(frame)
        start = time.perf_counter()
        logits = model.infer(tensor)
        self.seconds.append(time.perf_counter() - start)
        return model.mask(logits, frame.shape[1], frame.shape[0])

    def compare(self, mask: Mask, reference: Mask, label: Mask, *, ignore: int | None) -> None:
        """Counts a mask against the label and against the mask of the stage before."""
        self.matrix.add(mask, label, ignore=ignore)
        self.agreements.append(100 * float((mask == reference).mean()))

    def result(self, before: str | None) -> StageResult:
        """The figures, when all frames are done."""
        worst = np.argsort(self.agreements)[:WORST]
        return StageResult(
            self.stage.name,
            self.stage.engine,
            self.matrix,
            before,
            float(np.mean(self.agreements)),
            tuple((int(place), self.agreements[place]) for place in worst),
            1e3 * float(np.median(self.seconds)) if self.stage.timed else None,
            None if self.stage.artifact is None else self.stage.artifact.bytes,
            self.stage.notes(),
        )
