"""What new artifacts are compared with fp32 on: frames of which none calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate
from edgeseg.artifact import Precision, Target
from edgeseg.measured import Measured
from edgeseg.segmenter import Segmenter
from edgeseg.terminal import shown_name
from edgeseg_export.batches import prove_batches
from edgeseg_export.frame_set import FrameSet
from edgeseg_export.frames import spread
from edgeseg_export.precision.as_written import open_to_measure
from edgeseg_export.precision.calibration_data import Tensor
from edgeseg_export.precision.difference import difference
from edgeseg_export.precision.prepare import Prepared

BATCHED = 8
"""Frames that pictures at once are proved with."""


@dataclass(frozen=True)
class Evidence:
    """The frames, and fp32 that answers for them.

    Attributes:
        reference: runs fp32.
        source: fp32's name.
        tensors: uint8 (1, H, W, 3).
        data: the name of what they are of.
        least: percent of the pixels that its owner asks for, None for what is usual.
        labelled: a split to measure accuracy on, None without labels.
    """

    reference: Segmenter
    source: str
    tensors: Sequence[Tensor]
    data: str
    least: float | None
    labelled: Dataset | None

    @classmethod
    def of(cls, prepared: Prepared, evaluation: Dataset | FrameSet | None, least: float | None) -> Evidence:
        """Frames of `evaluation`; without it, those for the choice among methods."""
        reference, source = prepared.reference, str(prepared.source)
        if isinstance(evaluation, FrameSet):
            tensors = [reference.prepare(frame) for frame in evaluation]
            return cls(reference, source, tensors, shown_name(evaluation.path), least, None)
        if evaluation is not None:  # what the choices were made on would flatter
            frames = [evaluation.frame(place) for place in spread(len(evaluation), len(prepared.tensors))]
            tensors = [reference.prepare(frame) for frame in frames]
            return cls(reference, source, tensors, shown_name(evaluation.folder), least, evaluation)
        return cls(reference, source, prepared.tensors, prepared.frames.name, least, None)

    def measure(self, path: Path, target: Target, precision: Precision) -> Measured:
        """A new file against fp32, and its accuracy where there are labels."""
        spec = self.reference.spec
        engine = open_to_measure(target, precision, path, spec, own=True)
        candidate = Segmenter(spec, engine)
        apart = difference(self.reference, candidate, self.tensors)
        measured = Measured.of(apart.fact(self.source, engine.name, data=self.data, least=self.least))
        if spec.batch > 1:
            measured = measured.add(prove_batches(path, target, spec, [tensor[0] for tensor in self.tensors[:BATCHED]]))
        if self.labelled is not None:
            measured = measured.add(replace(evaluate(candidate, self.labelled), engine=engine.name))
        return measured
