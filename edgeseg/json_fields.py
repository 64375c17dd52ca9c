"""JSON: files and fields read strictly, where what is missing or of another kind is an error; results printed."""

from __future__ import annotations

import errno
import json
import math
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from edgeseg.errors import EdgeSegError
from edgeseg.files import LARGEST_TEXT, read_file

_Kind = TypeVar("_Kind")

_KINDS: dict[type, str] = {
    bool: "true or false",
    dict: "an object",
    int: "an integer",
    list: "a list",
    str: "a string",
}

_DIGITS = len(str(2**63))

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""The escape of half a character, of which most often the other half follows."""


def read_json(
    path: Path, *, error: type[EdgeSegError], unreadable: str, damaged: str, limit: int = LARGEST_TEXT
) -> Any:
    """What the JSON file holds.

    Args:
        path: of the file.
        error: the class to raise where it cannot be read, or is no JSON.
        unreadable: what to do in the first case, "check the path".
        damaged: what to do in the second, "write it again".
        limit: bytes that it may have.
    """
    try:
        return parse_json(read_file(path, limit))
    except OSError as failure:
        advice = "is it the right file?" if failure.errno == errno.EFBIG else unreadable
        raise error(f"cannot read {path}: {failure.strerror or failure}; {advice}") from failure
    except ValueError as failure:
        raise error(f"{path} is not readable JSON ({failure}); {damaged}") from failure


def parse_json(content: bytes | str) -> Any:
    """What JSON says, where it says the same to every reader and can be printed and computed with.

    Raises:
        ValueError: it is no JSON; a name repeats in an object; a number is NaN, infinite, or an integer beyond 64 bits;
            a text holds half a character; or it is nested too deeply.
    """
    try:
        text = content if isinstance(content, str) else content.decode(json.detect_encoding(content))
        data = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_integer,
            object_pairs_hook=_object,
        )
        if isinstance(content, str) or _HALF.search(text):  # not else: of large files it takes gigabytes
            json.dumps(data, ensure_ascii=False).encode()  # refuses halves of characters
    except RecursionError as failure:
        raise ValueError("it is nested too deeply") from failure
    except UnicodeError as failure:
        raise ValueError("it is not UTF-8 text") from failure
    return data


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


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text:.20} is too large")
    return number


def _integer(text: str) -> int:
    if len(text) > _DIGITS + 1 or not -(2**63) <= int(text) < 2**64:
        raise ValueError(f"the number {text:.20}... is too large")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        twice = next(name for name, number in Counter(name for name, _ in pairs).items() if number > 1)
        raise ValueError(f"the name {twice!r:.80} is there twice")
    return values
