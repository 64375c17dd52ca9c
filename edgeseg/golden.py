"""Golden frames: pictures in a bundle, and the masks that its network gave for them where the bundle was made.

    "golden": {                                  in bundle.json
      "source": "street",                        where the pictures come from, for people
      "frames": [
        {"input": {"file": "golden-0.png", "sha256": "9f86d0...", "bytes": 110642},
         "mask": {"file": "golden-0.mask.png", "sha256": "60303a...", "bytes": 4821}}
      ]
    }

Both files are PNG of the network's own size, 8 bits a sample, not interlaced: the input RGB, the mask grey, its levels
class ids. The mask is what the fp32 artifact gives in ONNX Runtime on a processor for a frame that looks so. On another
machine, in another engine, the answer may differ by what rounding changes, and by no more: `edgeseg.proof` asks.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from edgeseg.arrays import Image, Mask
from edgeseg.artifact import check_plain_name, check_sha256, sha256_of
from edgeseg.errors import BundleError
from edgeseg.files import read_file
from edgeseg.json_fields import list_of, required
from edgeseg.picture_header import PNG
from edgeseg.spec import Spec

MOST = 8
"""Frames in a bundle."""

LARGEST = 1_000_000
"""Bytes of all files together, so that a bundle stays small, and a reader knows what it will read."""

RGB, GREY = 2, 0
"""Colour types of PNG (ISO/IEC 15948, 11.2.2)."""

HEAD = PNG + b"\0\0\0\x0dIHDR"
"""What every PNG begins with: the signature and its first chunk's length and name (11.2.2)."""

KINDS = {RGB: "RGB", GREY: "grey"}

WHERE = "bundle.json: golden"


class GoldenPair(NamedTuple):
    """A golden frame in memory.

    Attributes:
        frame: BGR uint8 (H, W, 3), of the network's size.
        mask: class ids, uint8 (H, W).
    """

    frame: Image
    mask: Mask


@dataclass(frozen=True)
class GoldenFile:
    """A picture in the bundle's folder.

    Attributes:
        file: its name.
        sha256: of its content, 64 hexadecimal digits.
        bytes: its size.
    """

    file: str
    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        check_plain_name(self.file, "golden file")
        check_sha256(self.sha256, f"golden file {self.file}")
        if not 0 < self.bytes <= LARGEST:
            raise BundleError(f"golden file {self.file} has {self.bytes} bytes, expected 1 to {LARGEST}")

    @classmethod
    def of(cls, path: Path) -> GoldenFile:
        """Describes the file at `path`, which keeps its name in the bundle.

        Raises:
            BundleError: it is empty, or too large.
        """
        content = path.read_bytes()
        return cls(path.name, sha256_of(content), len(content))

    @classmethod
    def from_json(cls, data: Any) -> GoldenFile:
        """Reads a JSON object.

        Raises:
            BundleError: a field is missing or of the wrong kind, or out of its bounds.
        """
        return cls(
            file=required(data, "file", str, where=WHERE, error=BundleError),
            sha256=required(data, "sha256", str, where=WHERE, error=BundleError),
            bytes=required(data, "bytes", int, where=WHERE, error=BundleError),
        )


class GoldenFrame(NamedTuple):
    """The two files of a golden frame."""

    input: GoldenFile
    mask: GoldenFile


@dataclass(frozen=True)
class Golden:
    """All golden frames of a bundle.

    Attributes:
        source: where the pictures come from, for people: "street", or the name of a data set.
        frames: 1 to MOST, whose files have LARGEST bytes together at most.
    """

    source: str
    frames: tuple[GoldenFrame, ...]

    def __post_init__(self) -> None:
        if not self.source.strip() or not self.source.isprintable():
            raise BundleError(f"the golden frames' source is {self.source!r:.80}, expected a line of printable text")
        if not 1 <= len(self.frames) <= MOST:
            raise BundleError(f"got {len(self.frames)} golden frames, expected 1 to {MOST}")
        if self.bytes > LARGEST:
            raise BundleError(f"the golden frames have {self.bytes} bytes, expected at most {LARGEST} together")

    @property
    def files(self) -> tuple[GoldenFile, ...]:
        """All files, input and mask by turns."""
        return tuple(file for frame in self.frames for file in frame)

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(file.bytes for file in self.files)

    @property
    def digest(self) -> str:
        """A hash of all inputs and masks, 64 hexadecimal digits."""
        return hashlib.sha256(json.dumps([file.sha256 for file in self.files]).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The object in bundle.json."""
        frames = [{"input": asdict(frame.input), "mask": asdict(frame.mask)} for frame in self.frames]
        return {"source": self.source, "frames": frames}

    @classmethod
    def from_json(cls, data: Any) -> Golden:
        """Reads what `to_json` wrote.

        Raises:
            BundleError: a field is missing or of the wrong kind, or out of its bounds.
        """
        frames = list_of(data, "frames", dict, where=WHERE, error=BundleError)
        return cls(
            source=required(data, "source", str, where=WHERE, error=BundleError),
            frames=tuple(
                GoldenFrame(*(GoldenFile.from_json(_file(frame, name)) for name in GoldenFrame._fields))
                for frame in frames
            ),
        )


def read_golden(golden: Golden, folder: Path, spec: Spec) -> Iterator[GoldenPair]:
    """The golden frames that lie in a folder, one after the other, each verified before it is decoded.

    Raises:
        BundleError: a file is missing, was altered, or is no PNG of the size and kind that `spec` asks for; or the
            network's labels may overlap, for which there is no such mask.
    """
    if not spec.head.exclusive:
        raise BundleError(f"bundle {spec.name} has golden frames, and labels that may overlap; export it again")
    for frame in golden.frames:
        picture = _picture(folder / frame.input.file, frame.input, spec, RGB, cv2.IMREAD_COLOR)
        mask = _picture(folder / frame.mask.file, frame.mask, spec, GREY, cv2.IMREAD_GRAYSCALE)
        if int(mask.max()) >= len(spec.classes):
            raise BundleError(
                f"{folder / frame.mask.file} holds class {mask.max()}, expected 0 to {len(spec.classes) - 1}; "
                "export the bundle again"
            )
        yield GoldenPair(picture, mask)


def copy_golden(golden: Golden, source: Path, target: Path) -> None:
    """Copies the files from one folder to another, each verified.

    Raises:
        BundleError: a file is missing, or is not the one that was described.
    """
    for file in golden.files:
        (target / file.file).write_bytes(_content(source / file.file, file))


def _file(frame: dict[str, Any], name: str) -> dict[str, Any]:
    return required(frame, name, dict, where=WHERE, error=BundleError)


def _content(path: Path, file: GoldenFile) -> bytes:
    """The verified content of a file."""
    try:
        content = read_file(path, file.bytes)
    except OSError as error:
        reason = f"cannot read {path} as bundle.json describes it: {error.strerror or error}"
        raise BundleError(f"{reason}; fetch or export the bundle again") from error
    if sha256_of(content) != file.sha256:
        raise BundleError(
            f"{path} ({len(content)} bytes) is not the golden file of bundle.json ({file.bytes} bytes): it was "
            "altered or cut off; fetch or export the bundle again"
        )
    return content


def _picture(path: Path, file: GoldenFile, spec: Spec, colour: int, flag: int) -> Image:
    """The picture in a file; what a PNG may say of orientation is not looked at."""
    content = _content(path, file)
    expected = (spec.width, spec.height, 8, colour, 0, 0, 0)
    decoded = None
    if content[:29] == HEAD + struct.pack(">IIBBBBB", *expected):
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    if decoded is None:
        raise BundleError(
            f"{path} is no golden file, expected a PNG of {spec.width}x{spec.height} {KINDS[colour]} pixels of 8 bits, "
            "not interlaced; export the bundle again"
        )
    return np.asarray(decoded, np.uint8)
