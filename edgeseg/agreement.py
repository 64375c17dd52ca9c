"""Facts of a bundle: how far an artifact agrees with what it was made from, on the same frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from edgeseg.fact import Fact


@dataclass(frozen=True)
class TorchAgreement(Fact):
    """The exported graph against PyTorch, on the same frames.

    Attributes:
        max_difference: largest |difference| of the logits.
        max_logit: largest |logit| of PyTorch.
        mask_agreement: percent of the pixels with the same class.
        frames: how many.
        chosen: fraction of the logits that a choice of the graph (arg-max, comparison) turned over.
        sizes: other sizes of the input, "WIDTHxHEIGHT", at which a dynamic graph gave PyTorch's logits.
    """

    KIND: ClassVar[str] = "torch"

    max_difference: float
    max_logit: float
    mask_agreement: float
    frames: int
    chosen: float | None = None
    sizes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class KernelAgreement(Fact):
    """A graph that gives masks against its logits and the kernels.

    Attributes:
        mask_agreement: percent of the pixels with the same class.
        frames: how many.
    """

    KIND: ClassVar[str] = "kernels"

    mask_agreement: float
    frames: int


@dataclass(frozen=True)
class OriginalAgreement(Fact):
    """An imported network against the file that it was imported from.

    Attributes:
        file: its name, or "package.module:name" of the factory.
        sha256: of the file, or of the weights.
        torch_max_difference: of the outputs of PyTorch and of its ONNX graph, where it came from PyTorch.
        undone: operators at the end that were left out, ("ArgMax",).
        max_difference: largest |difference| of the logits.
        max_logit: largest |logit| of the original.
        mask_agreement: percent of the pixels with the same class.
        frames: how many.
        sizes: other sizes of the input, "WIDTHxHEIGHT", at which a dynamic graph gave the original's logits.
    """

    KIND: ClassVar[str] = "original"

    file: str
    sha256: str
    undone: tuple[str, ...]
    max_difference: float
    max_logit: float
    mask_agreement: float
    frames: int
    torch_max_difference: float | None = None
    sizes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class BatchAgreement(Fact):
    """Pictures that an artifact is given at once, against each alone.

    Attributes:
        sizes: how many at once.
        max_difference: largest |difference| of the logits, by the engine that ran it; 0 is bit for bit.
        max_logit: largest |logit|.
        mask_agreement: percent of the pixels with the same class, in the engine that gives least.
    """

    KIND: ClassVar[str] = "batch"

    sizes: tuple[int, ...]
    max_difference: Mapping[str, float]
    max_logit: float
    mask_agreement: float


@dataclass(frozen=True)
class Agreement(Fact):
    """An artifact against another of the same bundle, on frames that did not calibrate.

    Attributes:
        against: the reference, "onnxruntime fp32".
        mask_agreement: percent of the pixels with the same class.
        worst_frame: the same of the frame that agrees least.
        max_difference: largest |difference| of the logits.
        max_logit: largest |logit| of the reference.
        frames: how many.
        engine: what ran the artifact.
        data: the name of the data, video or folder that the frames are of; None where it was not written down.
        least: percent that its owner asks for, None for what is usual (edgeseg/artifact.py).
    """

    KIND: ClassVar[str] = "agreement"

    against: str | None
    mask_agreement: float
    worst_frame: float
    max_difference: float
    max_logit: float
    frames: int | None
    engine: str | None = None
    data: str | None = None
    least: float | None = None


@dataclass(frozen=True)
class GoldenAgreement(Fact):
    """An artifact's answers to the bundle's golden frames, where these were made.

    Attributes:
        mask_agreement: percent of the pixels with the golden mask's class.
        worst_frame: the same of the frame that agrees least.
        frames: how many.
        engine: what ran the artifact.
    """

    KIND: ClassVar[str] = "golden"

    mask_agreement: float
    worst_frame: float
    frames: int | None
    engine: str | None
