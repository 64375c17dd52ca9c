"""What each step from PyTorch to INT8 cost: every stage on every image of a split, each against the stage before.

Without labels there is no mIoU: every artifact is compared with fp32, and the share of equal pixels is what counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeseg.accuracy.class_map import ClassMap
from edgeseg.accuracy.classes import VOID
from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.label_dataset import LabelDataset
from edgeseg.accuracy.label_matrix import LabelMatrix
from edgeseg.accuracy.metrics import ConfusionMatrix
from edgeseg.agreement import Agreement
from edgeseg.arrays import Image, Logits, Mask
from edgeseg.artifact import GATE_AGREEMENT
from edgeseg.errors import UsageError
from edgeseg.measured import Verification
from edgeseg_export.frame_set import FrameSet
from edgeseg_export.precision.calibration_data import refuse_seen
from edgeseg_export.verify_stages import Stage

WORST = 3
"""Frames that are shown of each stage."""

FLOAT = "onnxruntime fp32"
"""The stage that all others are compared with where there are no labels."""


@dataclass(frozen=True)
class StageResult:
    """What was measured of a stage; figures in percent.

    Attributes:
        stage: its name.
        engine: what ran it.
        matrix: over the whole split; empty without labels.
        before: the stage it is compared with; None for the first.
        agreement: pixels with the same class as the stage before; 100 for the first. Of labels that may overlap, over
            their masks together.
        worst: (place in the split, agreement) of the frames that agree least, the worst first.
        median_ms: of an inference, one frame at a time on one thread, without fitting and arg-max; None where it would
            mean nothing.
        bytes: of the artifact; None for torch.
        notes: of the stage.
        difference: largest |difference| of the logits to those of the stage before.
        largest: largest |logit| of the stage before.
        frames: how many.
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
    difference: float = 0.0
    largest: float = 0.0
    frames: int = 0

    def agreed(self, data: FrameSet, least: float | None) -> Agreement:
        """As a bundle keeps it, where it was measured without labels.

        Args:
            data: the frames.
            least: percent that their owner asks for, None for what is usual.
        """
        return Agreement(
            against=self.before,
            mask_agreement=round(self.agreement, 4),
            worst_frame=round(self.worst[0][1], 4),
            max_difference=self.difference,
            max_logit=self.largest,
            frames=self.frames,
            engine=self.engine,
            data=data.path.name,
            least=least,
        )

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

    def without_labels(self) -> Gate:
        """The same for frames without labels, where agreement is asked for in any case.

        Raises:
            UsageError: a threshold is of mIoU.
        """
        if self.min_miou is not None or self.max_drop is not None:
            raise UsageError("there are no labels, so --min-miou and --max-drop mean nothing; give --min-agreement")
        return self if self.min_agreement is not None else Gate(min_agreement=GATE_AGREEMENT)

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
    stages: Sequence[Stage], data: Dataset | FrameSet, *, progress: Callable[[int, int], None] | None = None
) -> list[StageResult]:
    """Segments every image with every stage, in turns, so that a slow moment of the machine meets all.

    Args:
        stages: to compare.
        data: a labelled split, or frames without labels.
        progress: called after each image with how many are done and how many there are.

    Raises:
        DataError: no class is the model's, or an image served for calibration.
    """
    _check_data(stages, data)
    order = [stage.name for stage in stages]
    references = [_reference(stages, number, isinstance(data, FrameSet)) for number in range(len(stages))]
    truth, ignore = _truth(stages, data)
    tallies = [_Tally(stage, _matrix(stage, data)) for stage in stages]
    for place, (frame, label) in enumerate(truth):
        for tally, reference in zip(tallies, references, strict=True):
            tally.segment(frame)
            tally.compare(tallies[reference])
            if label is not None:
                tally.matrix.add(tally.mask, label, ignore=ignore)
        if progress is not None:
            progress(place + 1, len(data))
    return [
        tally.result(order[reference] if number else None)
        for number, (tally, reference) in enumerate(zip(tallies, references, strict=True))
    ]


def _truth(
    stages: Sequence[Stage], data: Dataset | FrameSet
) -> tuple[Iterable[tuple[Image, Mask | None]], int | None]:
    """The frames with their labels, and the id of labels that count nowhere."""
    if isinstance(data, FrameSet):
        return ((frame, None) for frame in data), None
    if not stages[0].model.spec.head.exclusive:
        return LabelDataset.of(data, stages[0].model.spec), VOID
    return data, data.classes.ignore


def _matrix(stage: Stage, data: Dataset | FrameSet) -> ConfusionMatrix | LabelMatrix:
    """An empty one for a stage."""
    spec = stage.model.spec
    if not spec.head.exclusive:
        return LabelMatrix(spec.classes)
    if isinstance(data, FrameSet):
        return ConfusionMatrix(spec.classes)
    return ClassMap.of(spec.classes, data.classes.names).matrix()


def _reference(stages: Sequence[Stage], number: int, unlabelled: bool) -> int:
    """Place of the stage that a stage is compared with; the first one with itself."""
    order, stage = [each.name for each in stages], stages[number]
    if unlabelled and stage.artifact is not None and stage.name != FLOAT and FLOAT in order:
        return order.index(FLOAT)
    return max(number - 1, 0) if stage.before is None else order.index(stage.before)


def _check_data(stages: Sequence[Stage], data: Dataset | FrameSet) -> None:
    for stage in stages:
        if stage.artifact is None:
            continue
        if isinstance(data, FrameSet):
            data.refuse_seen(stage.artifact)
        else:
            refuse_seen(stage.artifact, data)


@dataclass
class _Tally:
    """What is counted of a stage, frame by frame."""

    stage: Stage
    matrix: ConfusionMatrix | LabelMatrix
    agreements: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    difference: float = 0.0
    largest: float = 0.0

    def segment(self, frame: Image) -> None:
        """Makes the mask at the frame's size; the time is that of the inference alone."""
        model = self.stage.model
        tensor = model.prepare(frame)
        start = time.perf_counter()
        self.logits: Logits = model.infer(tensor)
        self.seconds.append(time.perf_counter() - start)
        self.mask: Mask = model.mask(self.logits, frame.shape[1], frame.shape[0])

    def compare(self, reference: _Tally) -> None:
        """Counts the last frame's mask and logits against those of another stage."""
        self.agreements.append(100 * float((self.mask == reference.mask).mean()))
        self.difference = max(self.difference, float(np.abs(self.logits - reference.logits).max()))
        self.largest = max(self.largest, float(np.abs(reference.logits).max()))

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
            self.difference,
            self.largest,
            len(self.agreements),
        )
