"""A spec.json from an ONNX file: what the file tells is filled in, what only its owner knows is left open.

The network is run: stride, channels, head and grid are what its own answers show, and `edgeseg import` proves them.
`python -m edgeseg_export.foreign.make_spec MODEL ...` does it for nobody, as a trial in a child process.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeseg.errors import EdgeSegError, ExportError
from edgeseg.limits import attempt
from edgeseg.spec import Head
from edgeseg_export.dynamic import other_sizes
from edgeseg_export.foreign.class_names import names_beside, names_inside
from edgeseg_export.foreign.families import Family, FamilyName, family
from edgeseg_export.foreign.model_spec import OPEN
from edgeseg_export.foreign.original import PAINTED, Original
from edgeseg_export.foreign.probe import Probe

_INPUT = ("width", "height", "resize", "pad", "dynamic", "colour", "range", "mean", "std")


@dataclass(frozen=True)
class MadeSpec:
    """What was found.

    Attributes:
        data: the JSON object.
        notes: what was found, a sentence each.
    """

    data: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def open_fields(self) -> list[str]:
        """Names of the fields that are left open."""
        fields = [*self.data.items(), *((f"input: {name}", value) for name, value in self.data["input"].items())]
        return [name for name, value in fields if isinstance(value, str) and value.startswith(OPEN)]


def make_spec(path: Path, *, like: FamilyName | None = None, size: tuple[int, int] | None = None) -> MadeSpec:
    """The spec of an ONNX file.

    Args:
        path: the file.
        like: a family whose conventions settle how frames are prepared.
        size: width and height, where the network takes any.

    Raises:
        ExportError: the file cannot be read or run, or takes too much memory or time.
        SpecError: it gives no scores for each pixel, has another size, or the family's convention cannot be read.
    """
    excess = attempt(__name__, str(path), *([] if size is None else map(str, size)))
    if excess is not None:
        raise ExportError(f"{path} is not run: {excess}")
    return _made(path, None if like is None else family(like, path), like, size)


def _made(path: Path, convention: Family | None, like: FamilyName | None, size: tuple[int, int] | None) -> MadeSpec:
    probe = Probe(path, convention, size)
    original, output = probe.original()
    if original.painted:
        raise ExportError(f"{path} gives no scores: {PAINTED}")
    head, count = original.head, probe.channels(original)
    dynamic = probe.any_size and _takes_other_sizes(original)
    notes = [f"it takes {probe.said}, and gives {count} channel{'s' * (count > 1)} at stride {original.spec.stride}"]
    notes += original.notes
    if convention is not None:
        notes.append(f"frames are prepared as in {convention.source}")
        notes += filter(None, [convention.exceptions])
    if probe.any_size and not dynamic:
        notes.append("the file leaves its size open, but it fails or changes its stride at others: dynamic is false")
    known = like == "transformers"
    if original.whole and head.kind == "binary" and original.model_spec.threshold is not None:
        notes.append("its one channel holds whole numbers: if they are ids of classes, export the scores before them")
    names = names_beside(path, count) if known else names_inside(original.model, count)
    if names:
        notes.append(f"its classes' names are those of {'config.json' if known else 'its metadata'}")
    sides: dict[str, Any] = {"width": original.spec.width, "height": original.spec.height}
    if size is None:
        tried = f"{original.spec.width}x{original.spec.height}"
        choice = f"{OPEN}pixels of your choice: the network takes any; it was run at {tried}"
        sides |= dict.fromkeys(probe.open_sides, choice)
    data = {
        "format": 1,
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:64] or "network",
        "input": {**sides, **probe.input_fields(), "dynamic": dynamic},
        **({} if output is None else {"output": output}),
        **_head_fields(original, head),
        **({"grid": original.grid} if original.grid != "stride" else {}),
        "stride": original.spec.stride,
        "classes": names or f"{OPEN}a list of {_asked(count)}, null for one without a name",
        "palette": None,
        "ignore": None,
        "licence": f"{OPEN}of the weights, with that of the data behind them",
    }
    data["input"] = {key: data["input"][key] for key in _INPUT}
    return MadeSpec(data, tuple(notes))


def _takes_other_sizes(original: Original) -> bool:
    """Whether it runs at three other sizes and keeps its stride there; `edgeseg import` proves the rest."""
    stride = original.spec.stride
    for width, height in other_sizes(original.spec):
        try:
            found = original(np.zeros((1, height, width, 3), np.uint8))[original.tail.logits]
        except ExportError:
            return False
        if found.shape[2:] != (-(-height // stride), -(-width // stride)):
            return False
    return True


def _head_fields(original: Original, head: Head) -> dict[str, Any]:
    if head.kind == "binary":
        if original.model_spec.threshold is not None:  # values of no known kind
            return {"head": "binary", "threshold": f"{OPEN}above which value a pixel is of the second class"}
        squashed = "Sigmoid" in original.tail.names  # which is left out: the spec speaks of what comes after it
        values = "probabilities" if squashed else head.values
        return {"head": "binary", "values": values, "threshold": 0.0 if values == "logits" else 0.5}
    if original.independent:
        return {"head": f"{OPEN}classes, of which the highest wins, or multi-label: its channels do not sum up to 1"}
    return {"head": "classes"}


def _asked(count: int) -> str:
    if count == 1:
        return "two names, of what lies below and above the threshold of its one channel"
    return f"{count} names, one a channel in their order"


def main(model: str, width: str = "0", height: str = "0") -> int:
    """Runs the network as `make_spec` does; 0 or 1, which nobody asks."""
    size = (int(width), int(height)) if int(width) else None
    try:
        _made(Path(model), None, None, size)
    except EdgeSegError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
