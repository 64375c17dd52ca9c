"""What a bundle says was measured on an artifact: one dataclass a kind, read and written by these and nowhere else.

    artifact.measured.get(Evaluation)                    # an Evaluation, None where accuracy was not measured
    artifact.measured.get(Verification, engine="openvino")
    bundle.record(artifact, evaluation)                  # written into bundle.json

A new kind of fact is one more dataclass. Comparisons with what an artifact was made from are in edgeseg.agreement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from edgeseg.agreement import Agreement
from edgeseg.errors import BundleError
from edgeseg.fact import Fact, FactType
from edgeseg.json_fields import of_kind, required


@dataclass(frozen=True)
class Measured:
    """All facts of one artifact.

    They stay the JSON that they were read as: kinds and fields of another edgeseg survive, and writing changes none of
    their bytes. A fact is read when it is asked for, so that a damaged one stops only those who need it.

    Attributes:
        facts: JSON values by kind, {"evaluation": {"miou": 74.5}}.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, *facts: Fact) -> Measured:
        """These facts."""
        return cls({fact.KIND: fact.to_json() for fact in facts})

    def get(self, kind: type[FactType], *, engine: str | None = None) -> FactType | None:
        """The fact of that kind, None where there is none; with an engine, the one measured in that other runtime.

        Raises:
            BundleError: a field of it has the wrong type.
        """
        key = _key(kind, engine)
        data = self.facts.get(key)
        return None if data is None else kind.from_json(data, f"bundle.json: {key}")

    def add(self, fact: Fact, *, engine: str | None = None) -> Measured:
        """These facts with one more, or with this one in the place of that of its kind."""
        return Measured({**self.facts, _key(type(fact), engine): fact.to_json()})


def _key(kind: type[Fact], engine: str | None) -> str:
    return kind.KIND if engine is None else f"{kind.KIND} in {engine}"


@dataclass(frozen=True)
class Network(Fact):
    """The network that an artifact was made of.

    Attributes:
        name: of the architecture, "lite-fpn".
        width: factor of its channels.
        parameters: how many, BatchNorm folded.
        macs: multiply-accumulates a frame of the input's size.
    """

    KIND: ClassVar[str] = "network"

    name: str
    width: float
    parameters: int
    macs: int


@dataclass(frozen=True)
class Training(Fact):
    """Where the weights come from.

    Attributes:
        data_sha256: of the split that they were trained on.
        record: the rest of what `edgeseg train` wrote beside them, as it is.
    """

    KIND: ClassVar[str] = "training"

    data_sha256: str
    record: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """One object of all fields."""
        return {"data_sha256": self.data_sha256, **self.record}

    @classmethod
    def from_json(cls, data: Any, where: str) -> Training:
        """Reads what `to_json` wrote.

        Raises:
            BundleError: it is no object, or does not name its data.
        """
        record = dict(of_kind(data, dict, where=where, error=BundleError))
        data_sha256 = required(record, "data_sha256", str, where=where, error=BundleError)
        del record["data_sha256"]
        return cls(data_sha256, record)


@dataclass(frozen=True)
class Calibration(Fact):
    """How the ranges of an INT8 artifact were found.

    Attributes:
        method: the one that was chosen, "mse".
        keep: layers that stay in float.
        scores: of each method that was tried, in percent.
        scored_by: what a score is, "miou" or "mask agreement".
        data: the name of the data set and split.
        frames: how many calibrated.
        frames_sha256: the first 16 digits of each frame's hash, sorted; of those that chose the method too.
    """

    KIND: ClassVar[str] = "calibration"

    method: str | None
    keep: tuple[str, ...]
    scores: Mapping[str, float]
    scored_by: str | None
    data: str | None
    frames: int | None
    frames_sha256: tuple[str, ...]


@dataclass(frozen=True)
class HalfRange(Fact):
    """How near an FP16 artifact comes to the end of float16's range.

    Attributes:
        largest_of_range: its largest activation, as a fraction of the range; 1 overflows.
        tensor: the name of that activation.
        tensors: how many activations were looked at.
        rounded: fp32 against itself with all activations rounded to float16.
    """

    KIND: ClassVar[str] = "float16"

    largest_of_range: float
    tensor: str | None
    tensors: int | None
    rounded: Agreement | None


@dataclass(frozen=True)
class Evaluation(Fact):
    """Accuracy on one split, in percent; NaN for a class that occurs in neither labels nor masks.

    Attributes:
        miou: mean IoU over the classes that occur.
        iou: of each class, by name.
        pixel_accuracy: of all labelled pixels, those with the right class.
        class_accuracy: mean over the classes of their pixels with the right class.
        boundary_f1: mean over the images of what edgeseg.accuracy.boundary gives for their contours.
        class_boundary_f1: of each class, mean over the images whose labels hold it.
        images: how many; None where it was not written down.
        split: of the data set; None for the whole.
        data_sha256: of the split's files; None where it was not written down.
        engine: what ran the artifact; None for ONNX Runtime.
        renamed: the network's classes behind each class whose name is another there, or which are several.
        left_over: names of the network, and names of the data, that have no partner: the latter count nowhere.
    """

    KIND: ClassVar[str] = "evaluation"
    DIGITS: ClassVar[int | None] = 4  # what one pixel in a million can change

    miou: float
    iou: Mapping[str, float]
    pixel_accuracy: float
    class_accuracy: float
    boundary_f1: float
    class_boundary_f1: Mapping[str, float]
    images: int | None
    split: str | None
    data_sha256: str | None
    engine: str | None = None
    renamed: Mapping[str, tuple[str, ...]] | None = None
    left_over: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    def compares_with(self, other: Evaluation) -> bool:
        """Whether both were measured on the same data, by the same classes."""
        ours, theirs = ((it.data_sha256, [*it.iou], it.renamed, it.left_over) for it in (self, other))
        return bool(self.data_sha256) and ours == theirs


@dataclass(frozen=True)
class HeldOut(Evaluation):
    """Accuracy on a test split, which nothing was chosen on; it decides nothing either.

    Attributes:
        sequences: mIoU of each video sequence of the split.
        source: who measured it, where that was not this machine.
    """

    KIND: ClassVar[str] = "test"

    sequences: Mapping[str, float] | None = None
    source: str | None = None


@dataclass(frozen=True)
class Latency(Fact):
    """Time of an inference in ONNX Runtime, without resize and arg-max.

    Attributes:
        median_ms: of all runs.
        least_ms: of the fastest run.
        runs: how many.
        threads: of the engine.
        engine: its name.
        machine: the processor's architecture.
        fp32_median_ms: of the fp32 artifact, run in turns with this one.
    """

    KIND: ClassVar[str] = "latency"

    median_ms: float
    least_ms: float
    runs: int | None
    threads: int
    engine: str | None
    machine: str | None
    fp32_median_ms: float | None = None


@dataclass(frozen=True)
class Verification(Fact):
    """A stage of `edgeseg verify`.

    Attributes:
        engine: what ran the artifact.
        miou: in percent.
        iou: of each class, by name, in percent.
        before: the stage that it is compared with; None for the first.
        agreement: percent of the pixels with the class that the stage before gave them.
        worst_frames: place in the split and agreement of the frames that agree least, the worst first.
        median_ms: of an inference on one thread; None where time would mean nothing.
        bytes: of the artifact; None for PyTorch.
        data_sha256: of the split's files.
    """

    KIND: ClassVar[str] = "verify"
    DIGITS: ClassVar[int | None] = 4

    engine: str
    miou: float
    iou: Mapping[str, float]
    before: str | None
    agreement: float
    worst_frames: tuple[tuple[int, float], ...]
    median_ms: float | None
    bytes: int | None
    data_sha256: str | None = None
