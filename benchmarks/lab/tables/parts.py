"""What all tables share: reading results, and Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edgeseg.errors import DataError

Json = dict[str, Any]


def load_results(folder: Path, pattern: str, command: str) -> list[Json]:
    """All results of that kind, by file name.

    Raises:
        DataError: there are none, or one is no JSON.
    """
    results = []
    for path in sorted(folder.glob(pattern)):
        try:
            results.append(json.loads(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise DataError(f"cannot read {path} ({error}); measure again: {command}") from error
    if not results:
        raise DataError(f"there is no {folder / pattern}, which this table is made of; measure it first: {command}")
    return results


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar in a text would begin a new cell."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(each.replace("|", "\\|") for each in line) + " |" for line in lines)


def figure(value: float | None, digits: int) -> str:
    """A number, or a dash for one that was not measured."""
    return "-" if value is None else f"{value:.{digits}f}"


def machine(result: Json) -> str:
    """What a result was measured on."""
    return f"{result['machine']['processor']}, {result['machine']['cores']} cores"


def warnings(results: Iterable[Json]) -> str:
    """The warnings that came up while the figures were measured, each once."""
    messages = dict.fromkeys(each for result in results for each in result["warnings"])
    return "".join(f"\n\nWarned while this was measured: {each}." for each in messages)
