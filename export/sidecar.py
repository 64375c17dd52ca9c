"""What an engine file was built from and for, in a JSON file beside it; checked before the engine is trusted.

An engine is executable code, is bound to the runtime that built it, and has no room for such notes itself:

    road.fp16.tensorrt-rtx.engine
    road.fp16.tensorrt-rtx.engine.json
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeseg.artifact import sha256_of
from edgeseg.errors import EngineError
from edgeseg.json_fields import required

FORMAT = 1
MAGIC = {b"ftrt": "tensorrt", b"vtrt": "tensorrt-rtx"}
"""The first bytes of an engine tell the product, bytes 24 to 27 its version."""

HEADER = 28


@dataclass(frozen=True)
class Key:
    """An engine may serve where all of this is the same; else it is built again from the bundle.

    Attributes:
        product: "tensorrt" or "tensorrt-rtx".
        version: of the product, "1.7.1.116".
        system: operating system and processor, "Linux x86_64".
        compute_capability: of the GPU that it was built for, "8.7"; "any" for one that is built without a GPU.
        options: of the build, profiles included.
        onnx_sha256: of the artifact; precision and calibration are in it.
    """

    product: str
    version: str
    system: str
    compute_capability: str
    options: dict[str, Any]
    onnx_sha256: str


def system() -> str:
    """Operating system and processor architecture of this machine."""
    return f"{platform.system()} {platform.machine()}"


def sidecar_of(engine: Path) -> Path:
    """Where the notes on an engine lie."""
    return engine.with_name(f"{engine.name}.json")


def to_text(key: Key, plan: bytes, figures: dict[str, Any]) -> str:
    """The notes as they are written: the key, the engine's own hash, and what was measured when it was built."""
    notes = {"format": FORMAT, "key": asdict(key), "plan_sha256": sha256_of(plan), "bytes": len(plan), **figures}
    return json.dumps(notes, indent=2, allow_nan=False) + "\n"


def check(engine: Path, key: Key) -> bytes:
    """The engine's content, if it is the one that was written here for this key.

    Raises:
        EngineError: the engine or its notes are missing, cut off, altered, of another product, or for another key.
    """
    try:
        plan, notes = engine.read_bytes(), json.loads(sidecar_of(engine).read_bytes())
    except OSError as error:
        raise EngineError(f"cannot read {error.filename}: {error.strerror}; compile the bundle again") from error
    except ValueError as error:
        raise EngineError(f"{sidecar_of(engine)} is not readable JSON ({error}); compile the bundle again") from error
    if required(notes, "format", int, where=sidecar_of(engine).name, error=EngineError) != FORMAT:
        raise EngineError(f"{sidecar_of(engine)} has format {notes['format']}, expected {FORMAT}; compile again")
    found = MAGIC.get(plan[:4])
    if len(plan) < HEADER or found != key.product:
        raise EngineError(f"{engine} is no engine of {key.product} but {found or 'something else'}; compile again")
    expected = required(notes, "plan_sha256", str, where=sidecar_of(engine).name, error=EngineError)
    if sha256_of(plan) != expected:
        raise EngineError(f"{engine} ({len(plan)} bytes) is not the file that was built; it is not run: compile again")
    recorded = required(notes, "key", dict, where=sidecar_of(engine).name, error=EngineError)
    for name, wanted in asdict(key).items():
        if recorded.get(name) != wanted:
            raise EngineError(
                f"{engine} was built for {name} {recorded.get(name)!r}, here it is {wanted!r}; compile again"
            )
    return plan
