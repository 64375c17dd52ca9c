"""The full table of the same work through other people's software."""

from __future__ import annotations

from pathlib import Path

from lab.peers import table
from lab.tables.parts import load_results, machine, markdown, warnings


def peers(results: Path) -> str:
    """One row a peer and precision, two columns a workload; below it what each peer does differently.

    Reads *.peers.json, which `python -m lab.peers --json` writes.
    """
    parts = []
    for result in load_results(results, "*.peers.json", "make peers"):
        about = f"{result['bundle']}, {result['workloads'][0]['video']}, on {machine(result)}, turn by turn:"
        notes = "\n".join(f"- {each}" for each in table.notes(result))
        whole = markdown(table.head(result["workloads"]), table.rows(result, result["workloads"]))
        parts.append(f"{about}\n\n{whole}\n\n{notes}{warnings([result])}")
    return "\n\n".join(parts)
