"""JSON: files and fields read strictly, where what is missing or of another kind is an error; results printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from edgeseg.errors import EdgeSegError

_Kind = TypeVar("_Kind")

_KINDS: dict[type, str] = {
    bool: "true or false",
    dict: "an object",
    int: "an integer",
    list: "a list",
    str: "a string",
}


def read_json(
    path: Path,
    *,
    error: type[EdgeSegError],
    unreadable: str,
    damaged: str,
    constant: Callable[[str], Any] | None = None,
) -> Any:
    """What the JSON file holds.

    Args:
        path: of the file.
        error: the class to raise where it cannot be read, or is no JSON.
        unreadable: what to do in the first case, "check the path".
        damaged: what to do in the second, "write it again".
        constant: called with NaN, Infinity or -Infinity, which Python's reader takes and JSON has not.
    """
    try:
        return json.loads(path.read_bytes(), parse_constant=constant)
    except OSError as failure:
        raise error(f"cannot read {path}: {failure.strerror or failure}; {unreadable}") from failure
    except (ValueError, RecursionError) as failure:
        raise error(f"{path} is not readable JSON ({failure}); {damaged}") from failure


def required(data: Any, key: str, kind: type[_Kind], *, where: str, error: type[EdgeSegError]) -> _Kind:
    """The field `key` of the object `data`, which must be of just this kind.

    Args:
        data: what JSON gave.
        key: the field's name.
        kind: bool, dict, int, list or str; true and false are no integers.
        where: what the object is called in messages, "bundle.json".
        error: the class to raise.
    """
    of_kind(data, dict, where=where, error=error)
    if key not in data:
        raise error(f"{where} has no field {key!r}, expected {_KINDS[kind]}")
    return of_kind(data[key], kind, where=f"{where}: {key}", error=error)


def optional(data: Any, key: str, kind: type[_Kind], *, where: str, error: type[EdgeSegError]) -> _Kind | None:
    """As `required`, but the field may be null. It must be there."""
    if isinstance(data, dict) and key in data and data[key] is None:
        return None
    return required(data, key, kind, where=where, error=error)


def list_of(data: Any, key: str, kind: type[_Kind], *, where: str, error: type[EdgeSegError]) -> list[_Kind]:
    """The field `key`, a list with all its items of one kind."""
    items = required(data, key, list, where=where, error=error)
    return [of_kind(item, kind, where=f"{where}: {key}[{at}]", error=error) for at, item in enumerate(items)]


def of_kind(value: Any, kind: type[_Kind], *, where: str, error: type[EdgeSegError]) -> _Kind:
    """`value` itself, if it is of just this kind."""
    if type(value) is not kind:
        raise error(f"{where} is {value!r:.80}, expected {_KINDS[kind]}")
    return value


def print_json(data: Any) -> None:
    """One JSON value on stdout, for other programs: indented, and never NaN, which is no JSON."""
    sys.stdout.write(json.dumps(data, indent=2, allow_nan=False) + "\n")
