"""Result files: written whole, read strictly."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from edgeseg.errors import DataError
from edgeseg.json_fields import read_json, required
from edgeseg_bench.suite import FORMAT, WHAT


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
