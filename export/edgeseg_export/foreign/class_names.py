"""Names of classes that stand in, or beside, somebody else's ONNX file."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import onnx

from edgeseg.errors import SpecError
from edgeseg.json_fields import read_json

LONGEST = 1 << 16
"""Characters of metadata that are read as names."""


def names_inside(model: onnx.ModelProto, count: int) -> list[str] | None:
    """Names of the classes in a file's metadata, as ultralytics writes them: a dictionary as Python prints it."""
    text = next((entry.value for entry in model.metadata_props if entry.key == "names"), "")
    if len(text) > LONGEST:
        return None
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return _listed(found, count)


def names_beside(path: Path, count: int) -> list[str] | None:
    """Names of the classes in transformers' config.json, which lies beside the file."""
    config = path.parent / "config.json"
    if not config.is_file():
        return None
    data = read_json(config, error=SpecError, unreadable="check its permissions", damaged="fetch it again")
    found = data.get("id2label") if isinstance(data, dict) else None
    if not isinstance(found, dict):
        return None
    return _listed({int(key): name for key, name in found.items() if key.isdecimal()}, count)


def _listed(names: Any, count: int) -> list[str] | None:
    """Names by class id, if there is one for each channel, and no two are the same."""
    if not isinstance(names, dict) or list(names) != list(range(count)) or count < 2:
        return None
    listed = [str(each).strip() for each in names.values()]
    good = all(each and each.isprintable() for each in listed) and len(set(listed)) == count
    return listed if good else None
