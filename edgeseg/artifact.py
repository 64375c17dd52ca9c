"""One model file of a bundle: what it is for, its hash, and what was measured on it."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from edgeseg.agreement import Agreement
from edgeseg.errors import BundleError
from edgeseg.files import LARGEST_MODEL, read_file
from edgeseg.json_fields import required
from edgeseg.measured import Evaluation, HalfRange, Measured, Verification
from edgeseg.onnx_wire import has_external_data
from edgeseg.spec import PLAIN_NAME

Precision = Literal["fp32", "fp16", "int8", "int8-7bit"]
"""The precisions that edgeseg writes."""

Target = Literal["onnxruntime", "tensorrt"]
"""The runtimes that edgeseg writes INT8 for, each in its own way."""

SHIPPED = Path(__file__).parent / "bundles"
"""Where the bundles that come with edgeseg lie."""

SEVEN_BITS: Precision = "int8-7bit"
"""INT8 whose weights have 7 bits: a pair of products with uint8 fits into 16 bits, as x86 without VNNI adds them."""

GATE = 0.5
"""mIoU, in percent, that an artifact may lose against fp32 and still be run unasked."""

GATE_AGREEMENT = 98.0
"""Percent of the pixels; the same gate where there are no labels."""


@dataclass(frozen=True)
class Artifact:
    """A model file in a bundle.

    Attributes:
        file: its name in the bundle's folder.
        target: the runtime that it was made for, "onnxruntime".
        precision: of its weights and activations, "fp32", "fp16", "int8" or SEVEN_BITS.
        sha256: of its content, 64 hexadecimal digits.
        bytes: its size.
        measured: what is known of it.
    """

    file: str
    target: str
    precision: str
    sha256: str
    bytes: int
    measured: Measured = field(default_factory=Measured)

    def __post_init__(self) -> None:
        for key in ("file", "target", "precision"):
            check_plain_name(getattr(self, key), f"artifact's {key}")
        check_sha256(self.sha256, f"artifact {self.file}")
        if not 0 < self.bytes <= LARGEST_MODEL:
            raise BundleError(f"artifact {self.file} has {self.bytes} bytes, expected 1 to {LARGEST_MODEL}")

    @classmethod
    def of(cls, path: Path, *, target: str, precision: str, measured: Measured | None = None) -> Artifact:
        """Describes the file at `path`; in the bundle it keeps its name.

        Raises:
            BundleError: the file cannot be read, is no ONNX model, or keeps weights in other files.
        """
        content = read_model(path)
        return cls(path.name, target, precision, sha256_of(content), len(content), measured or Measured())

    def to_json(self) -> dict[str, Any]:
        """The artifact as it stands in bundle.json."""
        return {
            "file": self.file,
            "target": self.target,
            "precision": self.precision,
            "sha256": self.sha256,
            "bytes": self.bytes,
            "measured": dict(self.measured.facts),
        }

    @classmethod
    def from_json(cls, data: Any) -> Artifact:
        """Reads what `to_json` wrote.

        Raises:
            BundleError: a field is missing or of the wrong kind, or a name is not plain.
        """
        where = "bundle.json: artifact"
        return cls(
            file=required(data, "file", str, where=where, error=BundleError),
            target=required(data, "target", str, where=where, error=BundleError),
            precision=required(data, "precision", str, where=where, error=BundleError),
            sha256=required(data, "sha256", str, where=where, error=BundleError),
            bytes=required(data, "bytes", int, where=where, error=BundleError),
            measured=Measured(required(data, "measured", dict, where=where, error=BundleError)),
        )

    def keeps_accuracy_of(self, fp32: Artifact) -> bool:
        """Whether, by what was measured, this artifact may be run in place of `fp32`; unmeasured ones may not."""
        return self.loss_against(fp32) is None

    def loss_against(self, fp32: Artifact) -> str | None:
        """Why this artifact may not be run in place of `fp32`, as the end of a sentence; None where it may.

        What float16 rounds comes first, where it was measured. Then accuracy decides, where both were measured on the
        same labels; else the agreement of the masks.
        """
        try:
            loss = self._lost_miou(fp32)
            agreement = self.measured.get(Agreement)
            half = self.measured.get(HalfRange)
        except BundleError:  # a damaged fact proves nothing
            loss = agreement = half = None
        least = GATE_AGREEMENT if agreement is None or agreement.least is None else agreement.least
        rounded = None if half is None else half.rounded
        if rounded is not None and not rounded.mask_agreement >= least:  # a processor computes float16 in float32
            return f"rounding to float16 leaves {rounded.mask_agreement:.2f} % of fp32's pixels, expected {least:g} %"
        if loss is not None:
            return None if loss <= GATE else f"it loses {loss:.2f} mIoU, more than {GATE:g}"
        if agreement is None:
            return "what it loses was not measured: `edgeseg verify --record` does it, with labels or without"
        if agreement.mask_agreement >= least:
            return None
        where = f" of {agreement.data}" if agreement.data else ""
        frames = "" if agreement.frames is None else f" in {agreement.frames} frames{where}"
        return f"its masks have {agreement.mask_agreement:.2f} % of fp32's pixels{frames}, expected {least:g} %"

    def _lost_miou(self, fp32: Artifact) -> float | None:
        """Percent of mIoU, NaN where this artifact has none; None where both were not measured on the same labels."""
        ours, reference = self.measured.get(Evaluation), fp32.measured.get(Evaluation)
        if ours and reference and ours.compares_with(reference) and not math.isnan(reference.miou):
            return reference.miou - ours.miou
        verified, before = self.measured.get(Verification), fp32.measured.get(Verification)
        if verified and before and verified.data_sha256 and verified.data_sha256 == before.data_sha256:
            return None if math.isnan(before.miou) else before.miou - verified.miou
        return None

    def __str__(self) -> str:
        return f"{self.target} {self.precision}"


def check_plain_name(name: str, what: str) -> None:
    """Refuses a file name that could lead out of its folder, or that some system cannot hold."""
    if not PLAIN_NAME.fullmatch(name):
        raise BundleError(
            f"{what} is {name!r:.80}, expected a plain name of letters, digits, '.', '_' and '-': "
            "a bundle's files lie in its own folder"
        )


def check_sha256(digest: str, what: str) -> None:
    """Refuses what is no SHA-256 in hexadecimal."""
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise BundleError(f"{what} has sha256 {digest!r:.80}, expected 64 hexadecimal digits in lower case")


class OnnxModel(bytes):
    """The content of an ONNX file that stands for itself, as `check_model` found."""


def read_model(path: Path) -> OnnxModel:
    """The content of an ONNX file, whatever it is called, which must stand for itself.

    Raises:
        BundleError: it cannot be read, is larger than LARGEST_MODEL, or `check_model` refuses it.
    """
    try:
        content = read_file(path, LARGEST_MODEL)
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror or error}; check the path") from error
    return check_model(path, content)


def check_model(path: Path, content: bytes) -> OnnxModel:
    """The content of the file at `path`, unless it is no ONNX model, or one that does not stand for itself.

    Raises:
        BundleError: it is no ONNX file as every exporter writes it, or one that keeps weights in other files.
    """
    try:
        external = has_external_data(content)
    except ValueError as error:
        raise BundleError(f"{path} is not an ONNX model ({error}); export it again") from error
    if external:
        raise BundleError(f"{path} keeps weights in other files, which no hash covers; save it as one file")
    return OnnxModel(content)


def sha256_of(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
