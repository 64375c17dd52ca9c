"""What a TensorRT engine file was built from and for, in a JSON file beside it; checked before the engine is trusted.

An engine is executable code, is bound to the runtime that built it, and has no room for such notes itself:

    road.fp16.tensorrt-rtx.engine
    road.fp16.tensorrt-rtx.engine.json

    {
      "format": 1,
      "key": {
        "product": "tensorrt-rtx",        or "tensorrt"
        "version": "1.7.1.116",
        "system": "Linux x86_64",
        "compute_capability": "8.9",      of the GPU, or "any" from Ampere on
        "options": {...},                 of the build
        "onnx_sha256": "9f86d0..."        of the artifact
      },
      "plan_sha256": "60303a...",         of the engine
      "bytes": 7340032,
      ...                                 figures of the build
      "seal": "1f40fc..."                 keyed digest of all that stands above (edgeseg/cache.py)
    }
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeseg.artifact import sha256_of
from edgeseg.atomic import atomic_file, write_text
from edgeseg.cache import is_sealed, make_folder, seal
from edgeseg.errors import EngineError
from edgeseg.files import LARGEST_TEXT, read_file
from edgeseg.json_fields import parse_json, required

FORMAT = 1
MAGIC = {b"ftrt": "tensorrt", b"vtrt": "tensorrt-rtx"}
"""The first bytes of an engine tell the product, bytes 24 to 27 its version."""

LARGEST_PLAN = 2**36
"""Bytes."""

HEADER = 28
ANY = "any"
"""The compute capability of an engine for every GPU from Ampere on."""


@dataclass(frozen=True)
class Key:
    """An engine may serve where all of this is the same; else it is built again from the bundle.

    Attributes:
        product: "tensorrt" or "tensorrt-rtx".
        version: of the product, "1.7.1.116".
        system: operating system and processor, "Linux x86_64".
        compute_capability: of the GPU that it was built for, "8.7"; "any" is every one from Ampere on.
        options: of the build, profiles included.
        onnx_sha256: of the artifact; precision and calibration are in it.
    """

    product: str
    version: str
    system: str
    compute_capability: str
    options: Mapping[str, Any]
    onnx_sha256: str

    def difference(self, request: Key) -> str | None:
        """Why an engine of this key is not the wanted one; None if it is."""
        for name, other in asdict(request).items():
            mine = getattr(self, name)
            if mine != other and not (name == "compute_capability" and mine == ANY):
                return f"it was built for {name} {mine!r:.20}, here it is {other!r:.20}"
        return None


def system() -> str:
    """Operating system and processor architecture of this machine."""
    return f"{platform.system()} {platform.machine()}"


def sidecar_of(engine: Path) -> Path:
    """Where the notes on an engine lie."""
    return engine.with_name(f"{engine.name}.json")


def product_of(plan: bytes, where: str) -> tuple[str, str]:
    """Product and version that built an engine, of its first bytes: no GPU and no TensorRT is needed.

    Raises:
        EngineError: the bytes are no engine.
    """
    if len(plan) <= HEADER or plan[:4] not in MAGIC:
        raise EngineError(f"{where} is no TensorRT engine; compile the bundle again")
    return MAGIC[plan[:4]], ".".join(str(number) for number in plan[24:HEADER])


def write_engine(engine: Path, plan: bytes, key: Key, figures: Mapping[str, Any]) -> None:
    """Writes an engine and its notes, these last: an engine without notes is not run, one with old notes neither.

    Args:
        engine: the file; its folder is made if it is not there.
        plan: what TensorRT built.
        key: what it was built from and for.
        figures: that go into the notes too.

    Raises:
        OutputError: they cannot be written, or the folder is another user's.
    """
    notes = {"format": FORMAT, "key": asdict(key), "plan_sha256": sha256_of(plan), "bytes": len(plan), **figures}
    make_folder(engine.parent)
    sidecar_of(engine).unlink(missing_ok=True)
    with atomic_file(engine) as temporary:
        temporary.write_bytes(plan)
    write_notes(sidecar_of(engine), notes)


def write_notes(file: Path, notes: Mapping[str, Any]) -> None:
    """Writes and seals the notes on an engine.

    Raises:
        OutputError: they cannot be written.
    """
    sealed = {**notes, "seal": seal(file, _canonical(notes))}  # the last, or in the place of an older one
    write_text(file, json.dumps(sealed, indent=2, allow_nan=False) + "\n")


def read_engine(engine: Path) -> tuple[bytes, Key]:
    """An engine's content with its key; it is the one that was written with these notes.

    Raises:
        EngineError: one of them is missing, cut off, altered, of another product or version than the other, or was
            not written with the key of this folder.
    """
    beside = sidecar_of(engine)
    try:
        plan, notes = read_file(engine, LARGEST_PLAN), parse_json(read_file(beside, LARGEST_TEXT))
    except OSError as error:
        raise EngineError(f"cannot read {error.filename}: {error.strerror}; compile the bundle again") from error
    except ValueError as error:
        raise EngineError(f"{beside} is not readable JSON ({error}); compile the bundle again") from error
    where = beside.name
    if required(notes, "format", int, where=where, error=EngineError) != FORMAT:
        raise EngineError(f"{beside} has format {notes['format']}, expected {FORMAT}; compile the bundle again")
    key = _key(required(notes, "key", dict, where=where, error=EngineError), f"{where}: key")
    product, version = product_of(plan, str(engine))
    if product != key.product or not same_version(key.version, version):
        raise EngineError(
            f"{engine} was built by {product} {version}, but its notes say {key.product} {key.version}; compile again"
        )
    if sha256_of(plan) != required(notes, "plan_sha256", str, where=where, error=EngineError):
        raise EngineError(f"{engine} ({len(plan)} bytes) is not the file that was built; it is not run: compile again")
    digest = required(notes, "seal", str, where=where, error=EngineError)
    if not is_sealed(beside, _canonical(notes), digest):
        raise EngineError(f"{beside} was not written with the key of its folder; {engine.name} is not run")
    return plan, key


def same_version(version: str, numbers: str) -> bool:
    """Whether a version, "10.3.0", is the one that an engine's first bytes hold, "10.3.0.26"."""
    return f"{numbers}.".startswith(f"{version}.")


def _canonical(notes: Mapping[str, Any]) -> bytes:
    """The notes without their seal, always the same bytes for the same values."""
    plain = {name: value for name, value in notes.items() if name != "seal"}
    return json.dumps(plain, sort_keys=True).encode()


def _key(data: dict[str, Any], where: str) -> Key:
    kinds: dict[str, type] = {name: dict if name == "options" else str for name in Key.__dataclass_fields__}
    return Key(**{name: required(data, name, kind, where=where, error=EngineError) for name, kind in kinds.items()})
