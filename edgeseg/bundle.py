"""The bundle: a folder that holds a network ready to run, and proves what it holds.

    road/
        bundle.json        what is below
        road.fp32.onnx     the artifacts, best first
        README.md          the model card
        signature.json     where it was signed: edgeseg.signature

    {
      "format": 1,
      "spec": {...},                           edgeseg.spec.Spec
      "artifacts": [
        {
          "file": "road.fp32.onnx",            a plain name: no folders, no link that leads out
          "target": "onnxruntime",             the runtime that it was made for
          "precision": "fp32",
          "sha256": "9f86d0...",
          "bytes": 7340032,
          "measured": {"evaluation": {...}}    figures, by what was measured: edgeseg.measured
        }
      ],
      "golden": {...},                         edgeseg.golden.Golden; left out where there are none
      "card": "README.md"                      or null
    }

An artifact is hashed before its path is handed out, so what runs is what was measured.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import Any

from edgeseg.artifact import SEVEN_BITS, Artifact, OnnxModel, check_model, check_plain_name, sha256_of
from edgeseg.atomic import write_text
from edgeseg.bundle_index import INDEX, read_index
from edgeseg.errors import BundleError
from edgeseg.fact import Fact
from edgeseg.files import read_file, real
from edgeseg.golden import Golden, GoldenPair, read_golden
from edgeseg.json_fields import list_of, optional, required
from edgeseg.signature import FILE as SIGNATURE
from edgeseg.signature import end_signature, read_signature, warn_of_end
from edgeseg.spec import FORMAT, Spec

CARD = "README.md"
FLOAT = "fp32"
"""The precision of plain ONNX files, which every runtime reads."""

UNMADE = {"onnxruntime": "fp16", "tensorrt": SEVEN_BITS}
"""The precision that no command makes for a runtime."""


@dataclass(frozen=True)
class Bundle:
    """An opened bundle.

    Attributes:
        folder: where it lies.
        spec: the contract that all its artifacts keep.
        artifacts: the model files, best first.
        card: the model card's file name, None if there is none.
        golden: frames with the masks that every engine should give; None where the bundle has none.
    """

    folder: Path
    spec: Spec
    artifacts: tuple[Artifact, ...]
    card: str | None = None
    golden: Golden | None = None
    _verified: set[tuple[str, str]] = field(default_factory=set, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.artifacts:
            raise BundleError(f"bundle {self.folder} has no artifacts, expected at least one; export it again")
        if self.card is not None:
            check_plain_name(self.card, "bundle.json: card")
        files = [INDEX, SIGNATURE, *self.files]
        kinds = [str(artifact) for artifact in self.artifacts]
        for names in (files, kinds):
            if len({name.casefold() for name in names}) != len(names):  # a.onnx is A.onnx on many systems
                raise BundleError(f"bundle {self.folder} repeats itself in {', '.join(names)}; each may be there once")

    @classmethod
    def open(cls, bundle: str | os.PathLike[str]) -> Bundle:
        """Opens a bundle by its path, or one that comes with edgeseg by its name: a string without a slash.

        Raises:
            BundleError: it is missing, incomplete, unsafe or of a newer format.
            SpecError: its spec does not hold together.
        """
        opened = cls.from_index(*read_index(bundle))
        for file in opened.files:
            opened._inside(file)
        return opened

    @property
    def files(self) -> list[str]:
        """Names of all files in the folder, bundle.json and signature.json apart."""
        golden = [each.file for each in self.golden.files] if self.golden else []
        return [*(artifact.file for artifact in self.artifacts), *golden, *([self.card] if self.card else [])]

    @classmethod
    def from_index(cls, folder: Path, data: Any) -> Bundle:
        """The bundle in a folder whose bundle.json says this; no file is looked at.

        Raises:
            BundleError: a field is missing or of the wrong kind, or the format is newer.
            SpecError: the spec does not hold together.
        """
        number = required(data, "format", int, where=INDEX, error=BundleError)
        if not 1 <= number <= FORMAT:
            raise BundleError(
                f"bundle {folder} has format {number}, expected 1 to {FORMAT}; update edgeseg or export again"
            )
        artifacts = list_of(data, "artifacts", dict, where=INDEX, error=BundleError)
        return cls(
            folder,
            Spec.from_json(required(data, "spec", dict, where=INDEX, error=BundleError)),
            tuple(Artifact.from_json(each) for each in artifacts),
            optional(data, "card", str, where=INDEX, error=BundleError),
            Golden.from_json(data["golden"]) if "golden" in data else None,
        )

    def artifact(self, *, target: str, precision: str | None = None) -> Artifact:
        """The artifact for a runtime; without a precision the first one listed, which is the best.

        Plain fp32 is for every runtime: where there is none of its own, it takes another's.

        Raises:
            BundleError: there is none; the message lists what is there.
        """
        for artifact in self.artifacts_for(target):
            if precision in (None, artifact.precision):
                return artifact
        raise BundleError(
            f"bundle {self.spec.name} has no artifact for {target}{f' {precision}' if precision else ''}; "
            f"it has {', '.join(map(str, self.artifacts))}: choose one of these{self._making(target, precision)}"
        )

    def _making(self, target: str, precision: str | None) -> str:
        """What makes an artifact that is missing; nothing where no command does."""
        if precision in (None, FLOAT):
            return ", or export it: `edgeseg export`"
        if precision == UNMADE.get(target):
            return ""
        seven = " --seven-bits" if precision == SEVEN_BITS else ""
        return f", or make it with `edgeseg quantize {quote(os.fspath(self.folder))} --data DATA{seven}`"

    def artifacts_for(self, target: str) -> list[Artifact]:
        """The artifacts that a runtime can read, best first: its own, and fp32, if need be another's."""
        own = [artifact for artifact in self.artifacts if artifact.target == target]
        plain = [artifact for artifact in self.artifacts if artifact.precision == FLOAT]
        return own if any(artifact.precision == FLOAT for artifact in own) else [*own, *plain[:1]]

    def path(self, artifact: Artifact) -> Path:
        """The verified path of an artifact; its content is hashed the first time that it is asked for.

        Raises:
            BundleError: the file is missing, is not the one that was measured, or keeps weights in other files.
        """
        if (artifact.file, artifact.sha256) not in self._verified:
            self.read(artifact)
        return self._inside(artifact.file)

    def read(self, artifact: Artifact) -> OnnxModel:
        """The verified content of an artifact, an ONNX file that stands for itself.

        Raises:
            BundleError: the file is missing, is not the one that was measured, or keeps weights in other files.
        """
        path = self._inside(artifact.file)
        try:
            content = read_file(path, artifact.bytes)
        except OSError as error:
            reason = f"cannot read {path} as {INDEX} describes it: {error.strerror or error}"
            raise BundleError(f"{reason}; fetch or export the bundle again") from error
        digest = sha256_of(content)
        if digest != artifact.sha256:
            raise BundleError(
                f"{path} has sha256 {digest[:12]}... ({len(content)} bytes), {INDEX} says {artifact.sha256[:12]}... "
                f"({artifact.bytes} bytes): it was altered or cut off; fetch or export the bundle again"
            )
        model = check_model(path, content)
        self._verified.add((artifact.file, artifact.sha256))
        return model

    def golden_frames(self) -> Iterator[GoldenPair]:
        """The golden frames, each verified and decoded when it is asked for; none where the bundle has none.

        Raises:
            BundleError: a file is missing, was altered, or is no picture of the network's size.
        """
        return read_golden(self.golden, self.folder, self.spec) if self.golden else iter(())

    def verify(self) -> None:
        """Hashes every file that bundle.json has a hash of.

        Raises:
            BundleError: one is missing or was altered.
        """
        for artifact in self.artifacts:
            self.path(artifact)
        for _ in self.golden_frames():
            pass

    def record(self, artifact: Artifact, fact: Fact, *, engine: str | None = None) -> Bundle:
        """Writes what was measured on an artifact into bundle.json; returns the bundle as it is now.

        Args:
            artifact: one of this bundle's.
            fact: replaces the one of its kind.
            engine: the runtime that it was measured in, where that is not the artifact's own.

        Raises:
            BundleError: the artifact is not in this bundle, or a figure is no JSON (nan).
            OutputError: bundle.json cannot be written.

        Warns:
            EdgeSegWarning: the bundle was signed; that has ended.
        """
        if artifact not in self.artifacts:
            raise BundleError(f"bundle {self.folder} lists another {artifact.file} than this one; open it again")
        measured = replace(artifact, measured=artifact.measured.add(fact, engine=engine))
        artifacts = tuple(measured if each.file == artifact.file else each for each in self.artifacts)
        changed = replace(self, artifacts=artifacts)
        text, signature = changed.to_text(), read_signature(self.folder)
        end_signature(self.folder, signature)
        write_text(self.folder / INDEX, text)
        warn_of_end(self.folder, signature)
        return changed

    def to_text(self) -> str:
        """What bundle.json holds; NaN and infinity are no JSON.

        Raises:
            BundleError: a figure is one of these.
        """
        data = {
            "format": self.spec.to_json()["format"],
            "spec": self.spec.to_json(),
            "artifacts": [artifact.to_json() for artifact in self.artifacts],
            **({} if self.golden is None else {"golden": self.golden.to_json()}),
            "card": self.card,
        }
        try:
            return json.dumps(data, indent=2, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise BundleError(f"figures cannot be kept as JSON: {error}; use null for an undefined one") from error

    def _inside(self, file: str) -> Path:
        """The path of a file that is there and lies in the folder, links followed."""
        path = self.folder / file
        if not path.is_file():
            raise BundleError(f"bundle {self.folder} lacks {file}, which {INDEX} lists; fetch it or export again")
        if not real(path).is_relative_to(real(self.folder)):
            raise BundleError(f"{path} is a link out of the bundle, to {real(path)}; put the file itself there")
        return path
