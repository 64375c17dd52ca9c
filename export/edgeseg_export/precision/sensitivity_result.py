"""What `edgeseg sensitivity` measured; and how `edgeseg quantize` reads it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeseg.artifact import Target
from edgeseg.bundle import Bundle
from edgeseg.errors import DataError
from edgeseg.json_fields import list_of, read_json, required
from edgeseg_export.precision.histogram import Method
from edgeseg_export.precision.judge import Loss

FORMAT = 1
WHAT = "edgeseg sensitivity"

THREADS = 2


@dataclass(frozen=True)
class Mix:
    """INT8 with some layers in float.

    Attributes:
        keep: the layers in float.
        loss: of the whole.
        least_ms: of an inference on THREADS threads: the least of some, in turns with fp32 and with INT8 throughout.
        slower: than INT8 throughout, in percent.
        faster: than fp32, times.
    """

    keep: tuple[str, ...]
    loss: Loss
    least_ms: float
    slower: float
    faster: float


@dataclass(frozen=True)
class Sensitivity:
    """The result for every layer, and for INT8 with some of them in float.

    Attributes:
        bundle: name of the network.
        onnx_sha256: of the fp32 file.
        target: the runtime whose INT8 was measured.
        method: that the ranges come from.
        data: that the frames are of.
        frames: how many.
        miou: of fp32 on them; None without labels.
        layers: what each loses alone, by name, in the order of computation.
        whole: what INT8 throughout loses.
        tried: mixes in the order in which they were tried; none for TensorRT, whose speed cannot be measured here.
        keep: layers that are to stay in float.
    """

    bundle: str
    onnx_sha256: str
    target: Target
    method: Method
    data: str
    frames: int
    miou: float | None
    layers: dict[str, Loss]
    whole: Loss
    tried: tuple[Mix, ...]
    keep: tuple[str, ...]

    def worst(self) -> list[str]:
        """The layers, the one that flips most pixels first."""
        return sorted(self.layers, key=lambda layer: -self.layers[layer].flipped)

    def to_json(self) -> dict[str, Any]:
        """A JSON object, whose layers to keep `edgeseg quantize --sensitivity` takes."""
        return {"format": FORMAT, "what": WHAT, **asdict(self)}


def read_keep(file: Path, bundle: Bundle) -> frozenset[str]:
    """The layers that are to stay in float, of a file that `edgeseg sensitivity --json` wrote on this bundle.

    Raises:
        DataError: the file cannot be read, is none of those, or is of another bundle.
    """
    again = "measure again with edgeseg sensitivity"
    data = read_json(file, error=DataError, unreadable="check the path", damaged=again)
    where = str(file)
    what = required(data, "what", str, where=where, error=DataError)
    number = required(data, "format", int, where=where, error=DataError)
    if (what, number) != (WHAT, FORMAT):
        raise DataError(f"{file} holds {what!r:.40}, format {number}, expected {WHAT!r}, format {FORMAT}")
    measured = required(data, "onnx_sha256", str, where=where, error=DataError)
    fp32 = bundle.artifact(target="onnxruntime", precision="fp32")
    if measured != fp32.sha256:
        raise DataError(
            f"{file} was measured on a file of sha256 {measured[:12]}..., the bundle's fp32 has {fp32.sha256[:12]}...; "
            "measure again with edgeseg sensitivity"
        )
    return frozenset(list_of(data, "keep", str, where=where, error=DataError))
