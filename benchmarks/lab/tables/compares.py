"""How we compare: each precision with the same precision, in a few columns: the short table for the README."""

from __future__ import annotations

from pathlib import Path

from lab.peers.peer import OURS
from lab.tables.parts import Json, load_results, machine, markdown, warnings

TUTORIAL = "tutorial"


def compares(results: Path) -> str:
    """One row a precision and video: our rate, and how much longer the tutorial and the fastest other peer take.

    A peer whose masks differ from ours is not shown. Our INT8 against the tutorial's fp32 stands apart, below.
    Reads *.peers.json, which `python -m lab.peers --json` writes.
    """
    measured = load_results(results, "*.peers.json", "make peers")
    return "\n\n".join(_compares(result) + warnings([result]) for result in measured)


def _compares(result: Json) -> str:
    rows, across = [], []
    for workload in result["workloads"]:
        video = f"{workload['width']}x{workload['height']}{' with overlay' * workload['overlay']}"
        comparable = [each for each in workload["peers"] if each["comparable"]]
        for precision in result["ours"]:
            same = [each for each in comparable if each["precision"] == precision]
            ours = [each for each in same if each["name"] == OURS]
            if not ours:
                continue
            tutorial = [each for each in same if each["name"] == TUTORIAL]
            others = [each for each in same if each["name"] not in (OURS, TUTORIAL)]
            rows.append([video, precision, f"{ours[0]['fps']:.0f}", _fastest(tutorial), _fastest(others, named=True)])
        across += [
            each["time_over_ours"]["int8"]["median"]
            for each in comparable
            if (each["name"], each["precision"]) == (TUTORIAL, "fp32") and "int8" in each["time_over_ours"]
        ]
    head = ["", "precision", "ours, fps", "tutorial, fps (time / ours)", "fastest other peer, fps (time / ours)"]
    about = f"{result['bundle']} on {machine(result)}, each precision against the same precision:"
    table = f"{about}\n\n{markdown(head, rows)}"
    if not across:
        return table
    bounds = " to ".join(f"{each:.1f}" for each in sorted({min(across), max(across)}))
    return f"{table}\n\nOur INT8 against the tutorial's fp32, which is another precision: {bounds} times as fast."


def _fastest(peers: list[Json], *, named: bool = False) -> str:
    """The fastest of some peers of one precision, a dash where there is none."""
    if not peers:
        return "-"
    peer = max(peers, key=lambda each: float(each["fps"]))
    ratio = peer["time_over_ours"][peer["precision"]]["median"]
    return f"{peer['name']} " * named + f"{peer['fps']:.0f} ({ratio:.2f})"
