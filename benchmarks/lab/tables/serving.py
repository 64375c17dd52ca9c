"""Many cameras on one server."""

from __future__ import annotations

from pathlib import Path

from lab.tables.parts import load_results, machine, markdown, warnings


def serving(results: Path) -> str:
    """One row a load. Reads *.serving.json, which `python -m lab.serving --json` writes."""
    parts = []
    for result in load_results(results, "*.serving.json", "python -m lab.serving"):
        rows = []
        for run in result["runs"]:
            how = "raw" if run["jpeg"] is None else f"`--jpeg {run['jpeg']}`"
            how += ", the server killed and started again" if run["killed"] else ""
            how += ", the highest rate without a drop" if run.get("highest") else ""
            counts = [str(run[name]) for name in ("frames", "masks", "dropped")]
            times = [f"{run[name]:.0f}" for name in ("p50", "p95", "p99")]
            rows.append([run["bundle"], f"{run['clients']} x {run['fps']:g}", how, *counts, *times])
        head = ["", "cameras x fps", "", "frames", "masks", "dropped", "p50 ms", "p95 ms", "p99 ms"]
        width, height = result["size"]
        about = (
            f"{width}x{height}, {result['precision']}, {result['instances']} instances, on {machine(result)}, which "
            "the clients share:"
        )
        parts.append(f"{about}\n\n{markdown(head, rows)}{warnings([result])}")
    return "\n\n".join(parts)
