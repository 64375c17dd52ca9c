"""What stands beside a TensorRT plan: where it was built and from what, so that no stale or strange one is loaded.

A plan holds machine code for one product, version and card, and has no field for notes. `road.plan` therefore goes with
`road.plan.json`:

    {
      "format": 1,
      "product": "tensorrt-rtx",          or "tensorrt"
      "version": "1.7.1.116",
      "system": "linux",
      "machine": "x86_64",
      "compute_capability": "8.9",        of the card, or null: for any that the product supports
      "options": {"strongly_typed": true},
      "onnx_sha256": "9f86d0...",         of the artifact that it was built from
      "plan_sha256": "60303a..."
    }
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeseg.atomic import atomic_file
from edgeseg.errors import EngineError
from edgeseg.json_fields import optional, required

FORMAT = 1
_PRODUCTS = {b"ftrt": "tensorrt", b"vtrt": "tensorrt-rtx"}
_HEADER = 28


@dataclass(frozen=True)
class Sidecar:
    """The JSON beside a plan.

    Attributes:
        product: "tensorrt" or "tensorrt-rtx".
        version: of the product, four numbers where it has them.
        system: of the machine, as `platform.system()` gives it, in lower case.
        machine: its processor architecture.
        compute_capability: of the card, "8.9"; None if the plan is for several.
        options: of the build, as JSON.
        onnx_sha256: of the artifact that the plan was built from.
        plan_sha256: of the plan.
    """

    product: str
    version: str
    system: str
    machine: str
    compute_capability: str | None
    onnx_sha256: str
    plan_sha256: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON object that `from_json` reads back."""
        return {"format": FORMAT, **{key: getattr(self, key) for key in _KEYS}, "options": dict(self.options)}

    @classmethod
    def from_json(cls, data: Any, where: str) -> Sidecar:
        """Reads what `to_json` wrote.

        Raises:
            EngineError: a field is missing or of the wrong kind, or the format is newer.
        """
        found = required(data, "format", int, where=where, error=EngineError)
        if found != FORMAT:
            raise EngineError(f"{where} has format {found}, expected {FORMAT}; build the plan again")
        texts = {key: required(data, key, str, where=where, error=EngineError) for key in _KEYS if key != _CARD}
        return cls(
            **texts,
            compute_capability=optional(data, _CARD, str, where=where, error=EngineError),
            options=required(data, "options", dict, where=where, error=EngineError),
        )

    def difference(self, wanted: Sidecar) -> str | None:
        """Why a plan with this sidecar is not the one that is wanted; the plan's own hash is left out. None: it is."""
        for key in (*_KEYS, "options"):
            mine, other = getattr(self, key), getattr(wanted, key)
            if key == "plan_sha256" or mine == other or (key == _CARD and mine is None):
                continue
            return f"its {key.replace('_', ' ')} is {_short(mine)}, here it is {_short(other)}"
        return None


_CARD = "compute_capability"
_KEYS = ("product", "version", "system", "machine", _CARD, "onnx_sha256", "plan_sha256")


def product_of(plan: bytes, where: str) -> tuple[str, str]:
    """Product and version that built a plan, of its first bytes: no GPU and no TensorRT is needed.

    Raises:
        EngineError: the bytes are no plan.
    """
    if len(plan) <= _HEADER or plan[:4] not in _PRODUCTS:
        raise EngineError(f"{where} is no TensorRT plan; build it again with `edgeseg compile`")
    return _PRODUCTS[plan[:4]], ".".join(str(number) for number in plan[24:_HEADER])


def sidecar_path(plan: Path) -> Path:
    """Where the sidecar of a plan lies."""
    return plan.with_name(f"{plan.name}.json")


def write_plan(path: Path, plan: bytes, sidecar: Sidecar) -> None:
    """Writes a plan and its sidecar, the sidecar last: a plan without one is never loaded.

    Raises:
        OutputError: they cannot be written.
    """
    sidecar_path(path).unlink(missing_ok=True)
    with atomic_file(path) as temporary:
        temporary.write_bytes(plan)
    with atomic_file(sidecar_path(path)) as temporary:
        temporary.write_text(json.dumps(sidecar.to_json(), indent=2) + "\n", encoding="utf-8")


def read_plan(path: Path) -> tuple[bytes, Sidecar]:
    """A plan that is what its sidecar says: same first bytes, same hash.

    Raises:
        EngineError: one of them is missing or cannot be read, or they do not belong together.
    """
    beside = sidecar_path(path)
    try:
        plan = path.read_bytes()
        data = json.loads(beside.read_bytes())
    except OSError as error:
        raise EngineError(f"cannot read {error.filename}: {error.strerror}; build the plan again") from error
    except (ValueError, RecursionError) as error:
        raise EngineError(f"{beside} is not readable JSON ({error}); build the plan again") from error
    sidecar = Sidecar.from_json(data, str(beside))
    product, version = product_of(plan, str(path))
    if (product, version) != (sidecar.product, ".".join(f"{sidecar.version}.0.0.0".split(".")[:4])):
        raise EngineError(
            f"{path} was built by {product} {version}, its sidecar says {sidecar.product} {sidecar.version}; "
            "build it again"
        )
    if hashlib.sha256(plan).hexdigest() != sidecar.plan_sha256:
        raise EngineError(f"{path} is not the plan that was built: its hash differs; build it again")
    return plan, sidecar


def _short(value: Any) -> str:
    text = str(value)
    return f"{text[:12]}..." if len(text) == 64 else text
