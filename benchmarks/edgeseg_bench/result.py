"""Result files: written whole, read strictly."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from edgeseg.atomic import check_name
from edgeseg.errors import DataError, OutputError, UsageError
from edgeseg.files import real
from edgeseg.json_fields import read_json, required
from edgeseg_bench.suite import FORMAT, WHAT


def check_outputs(*paths: Path | None) -> None:
    """Refuses places where nothing can be written, or two that are one, before anything is measured.

    Raises:
        OutputError: as `check_writable`.
        UsageError: one would replace the other.
    """
    named = [path for path in paths if path is not None]
    for number, path in enumerate(named):
        check_writable(path)
        if real(path) in map(real, named[:number]):
            raise UsageError(f"{path} is named for two outputs, of which the second would replace the first")


def check_writable(path: Path) -> None:
    """Refuses a place where nothing can be written, before anything is measured.

    Raises:
        OutputError: the folder is missing or may not be written, or `path` is a folder, device or pipe.
    """
    check_name(path)
    try:
        with tempfile.TemporaryFile(dir=path.parent):  # what os.access says is not true for root, /proc, full disks
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: its folder is missing or may not be written ({error.strerror}); choose another"
        ) from error


def to_text(result: dict[str, Any]) -> str:
    """The result as JSON, each list of numbers on a line of its own."""
    text = json.dumps(result, indent=1, allow_nan=False)
    return re.sub(r"\[[-+\d.,eE\s]+\]", lambda numbers: "".join(numbers[0].split()).replace(",", ", "), text) + "\n"


def read(path: Path) -> dict[str, Any]:
    """A result that `edgeseg bench --json` wrote.

    Raises:
        DataError: the file cannot be read, is no such result, or has another format number.
    """
    again = "measure again with edgeseg bench --json"
    data = read_json(path, error=DataError, unreadable="check the path", damaged=again)
    where = str(path)
    if required(data, "what", str, where=where, error=DataError) != WHAT:
        raise DataError(f"{path} holds {data['what']!r:.40}, expected a result of `edgeseg bench --json`")
    number = required(data, "format", int, where=where, error=DataError)
    if number != FORMAT:
        raise DataError(
            f"{path} has format {number}, expected {FORMAT}: formats are not compared; measure again with this edgeseg"
        )
    return dict(data)
