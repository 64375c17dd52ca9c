"""A camera's reference on the disk: the periods that it was learnt from, and what they were seen through."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.atomic import atomic_file
from edgeseg.errors import DataError
from edgeseg.files import read_file
from edgeseg.json_fields import list_of, parse_json, required

LARGEST = 2**26
"""Bytes of a file."""

_WORDS = {
    "sha256": "another network (its file has the hash {})",
    "classes": "other classes ({})",
    "every": "periods of another length ({} s)",
    "smooth": "masks that were steadied otherwise (smooth = {})",
}


@dataclass(frozen=True)
class View:
    """What masks were seen through: figures of one view say nothing of another.

    Attributes:
        sha256: of the artifact that ran.
        classes: names by class id.
        every: seconds of a period.
        smooth: as the camera's setting.
    """

    sha256: str
    classes: tuple[str, ...]
    every: float
    smooth: float


def read_reference(path: Path, view: View) -> NDArray[np.float64] | None:
    """Its periods, (periods, classes + 2); None where there is no file.

    Raises:
        DataError: it is no reference, or one of another view.
        OSError: it cannot be read.
    """
    try:
        content = read_file(path, LARGEST)
    except FileNotFoundError:
        return None
    try:
        data = parse_json(content)
    except ValueError as error:
        raise DataError(f"{path} is no reference: {error}") from error
    where = str(path)
    theirs = required(data, "view", dict, where=where, error=DataError)
    for field in fields(View):
        value, expected = theirs.get(field.name), getattr(view, field.name)
        if value != (list(expected) if isinstance(expected, tuple) else expected):
            raise DataError(f"{path} is of {_WORDS[field.name].format(f'{value}'[:80])}")
    return _matrix(list_of(data, "periods", list, where=where, error=DataError), len(view.classes) + 2, path)


def write_reference(path: Path, view: View, periods: NDArray[np.float64]) -> None:
    """Replaces it as a whole.

    Raises:
        OutputError: the folder is not there, cannot be written, or the disk is full.
    """
    rows = ",\n".join(json.dumps([round(number, 7) for number in row]) for row in periods.tolist())
    with atomic_file(path) as temporary:
        temporary.write_text(f'{{"view": {json.dumps(asdict(view))},\n"periods": [\n{rows}\n]}}\n', encoding="utf-8")


def _matrix(rows: list[list[object]], width: int, path: Path) -> NDArray[np.float64]:
    for at, row in enumerate(rows):
        if len(row) != width or any(type(each) not in (int, float) or not 0 <= each <= 1 for each in row):  # type: ignore[operator]
            raise DataError(f"{path}: period {at} is {row!r:.80}, expected {width} numbers from 0 to 1")
    return np.array(rows, np.float64).reshape(-1, width)
