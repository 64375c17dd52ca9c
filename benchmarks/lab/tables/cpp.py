"""edgeseg-run beside `edgeseg run`: the table of docs/cpp.md."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from edgeseg_bench.machine import BUSY
from lab.tables.parts import figure, load_results, machine, markdown


def cpp(results: Path) -> str:
    """One row a program: the medians of its runs, which were taken in turns.

    What the clock says stands there only where the machine was known to be idle before and after. Reads *.cpp.json,
    which `python -m lab.cpp --out` writes.
    """
    parts = []
    for result in load_results(results, "*.cpp.json", "python -m lab.cpp"):
        shares = result.get("busy", [None])
        idle = all(share is not None and share <= BUSY for share in shares)
        rows = [
            [
                name,
                figure(median(figures["fps"]) if idle else None, 1),
                figure(median(figures["first_mask_s"]) if idle else None, 2),
                f"{median(figures['core_ms']):.1f}",
                f"{median(figures['first_mask_core_s']):.2f}",
                f"{median(figures['peak_memory_mb']):.0f}",
            ]
            for name, figures in result["programs"].items()
        ]
        head = ["", "frames a second", "one frame, s", "core ms a frame", "core s for one frame", "peak memory, MB"]
        about = (
            f"{result['bundle']}, {result['engine']} {result['precision']}, {result['video']['frames']} frames of "
            f"{result['video']['name']}, medians of {result['repeats']} runs in turns, on {machine(result)}; "
            f"the library has {result['library_bytes'] / 1024:.0f} KiB without its symbols:"
        )
        parts.append(f"{about}\n\n{markdown(head, rows)}")
    return "\n\n".join(parts)
