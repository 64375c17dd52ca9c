"""The full table of the same work through other people's software."""

from __future__ import annotations

from pathlib import Path

from lab.peers import table
from lab.tables.parts import load_results, machine, markdown, warnings


def peers(results: Path) -> str:
    """A row a contender and precision, two columns a course; below it what each of them does otherwise.

    Reads *.peers.json, which `python -m lab.peers --json` writes.
    """
    parts = []
    for result in load_results(results, "*.peers.json", "make peers"):
        about = f"{result['bundle']}, {result['races'][0]['video']}, on {machine(result)}, turn by turn:"
        notes = "\n".join(f"- {each}" for each in table.notes(result))
        whole = markdown(table.head(result["races"]), table.rows(result, result["races"]))
        parts.append(f"{about}\n\n{whole}\n\n{notes}{warnings([result])}")
    return "\n\n".join(parts)
