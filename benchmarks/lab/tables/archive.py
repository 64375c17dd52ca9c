"""Archives: streams beside workers, and the simulation of many machines."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from lab.tables.parts import Json, load_results, machine, markdown, warnings

MEASURED, SIMULATED = "python -m lab.archive", "python -m lab.scale"

PARTS = ("overhead", "store", "driver", "start", "tail", "lost")
"""Where the cores' time goes beside the frames."""


def efficiency(results: Path) -> str:
    """One row a number of cores: a stream, worker processes and Ray's, with the share of the one to its left.

    Reads *.archive.json, which `python -m lab.archive --json` writes.
    """
    parts = []
    for result in load_results(results, "*.archive.json", MEASURED):
        rows = []
        for cores in (1, 2):
            stream, local, ray = (_rate(result, kind, cores) for kind in ("stream", "local", "ray"))
            row = [
                str(cores),
                f"{stream:.1f}",
                f"{local:.1f}",
                f"{local / stream:.2f}",
                f"{ray:.1f}",
                f"{ray / local:.2f}",
            ]
            rows.append([*row, *(f"{_start(result, kind):.1f}" for kind in ("local", "ray"))])
        head = ["cores, and workers", "stream, fps", "processes, fps", "of the stream", "Ray, fps", "of processes"]
        head += ["start of processes, s", "of Ray's workers, s"]
        video = result["video"]
        about = (
            f"{result['bundle']} {result['precision']} in ONNX Runtime, {video['frames']} frames of {video['name']}, "
            f"pieces of {result['piece_seconds']} s, the fastest of each one's turns, on {machine(result)}:"
        )
        parts.append(f"{about}\n\n{markdown(head, rows)}{warnings([result])}")
    return "\n\n".join(parts)


def costs(results: Path) -> str:
    """What the simulation takes from the measurement: one row a figure. Reads *.archive-costs.json."""
    parts = []
    for result in load_results(results, "*.archive-costs.json", "python -m lab.archive.costs"):
        costs = result["costs"]
        stages = result["stages"]
        shares = ", ".join(f"{name} {1e3 * stages[name]:.1f}" for name in ("decode", "infer", "mask", "write"))
        rows = [
            ["a frame of a piece", f"{1e3 * costs['frame']:.1f} ms ({1 / costs['frame']:.1f} a second)"],
            ["its stages, means over all pieces", f"{shares} ms"],
            ["opening and closing a piece", f"{1e3 * costs['piece']:.0f} ms"],
            [
                "looking at a video; cutting it, a frame",
                f"{1e3 * costs['begin']:.0f} ms; {1e6 * costs['index']:.0f} µs",
            ],
            ["a join; of it, a frame", f"{1e3 * costs['join']:.0f} ms; {1e6 * costs['join_frame']:.0f} µs"],
            ["a file in the listing", f"{1e6 * costs['listing']:.0f} µs"],
            ["bytes a frame: video, piece, results", ", ".join(f"{costs[f'bytes_{k}']:,.0f}" for k in _BYTES)],
            ["the start of a worker", f"{costs['start']:.1f} s"],
            ["the driver: a task", f"{1e6 * costs['driver_task']:.0f} µs"],
            ["a worker, whenever it looks who is done", f"{1e6 * costs['driver_worker']:.2f} µs"],
            ["asking one how far it is", f"{1e6 * costs['driver_look']:.0f} µs"],
        ]
        about = f"{result['bundle']} {result['precision']} in ONNX Runtime, on {machine(result)}:"
        parts.append(f"{about}\n\n{markdown(['measured', ''], rows)}{warnings([result])}")
    return "\n\n".join(parts)


_BYTES = ("in", "piece", "result")


def scale(results: Path) -> str:
    """One row a scenario: hours, frames a second, efficiency, and where the rest of the cores' time goes.

    Reads *.archive-scale.json, which `python -m lab.scale --json` writes.
    """
    parts = []
    for result in load_results(results, "*.archive-scale.json", SIMULATED):
        rows = []
        for each in result["scenarios"]:
            full = [f"{name} {100 * share:.0f} %" for name, share in each["busy"].items() if share >= 0.5]
            row = [each["name"], f"{each['machines']:,}", _time(each["seconds"]), f"{each['fps']:,.0f}"]
            row += [f"{100 * each['efficiency']:.0f}", *(f"{100 * each['shares'][part]:.1f}" for part in PARTS)]
            rows.append([*row, ", ".join(full) or "-"])
        head = ["", "machines", "time", "fps", "efficiency %", *PARTS, "busy queues"]
        parts.append(markdown(head, rows))
    return "\n\n".join(parts)


def validation(results: Path) -> str:
    """What the simulation says of runs that were measured. Reads *.archive-scale.json."""
    parts = []
    for result in load_results(results, "*.archive-scale.json", SIMULATED):
        rows = [
            [
                f"{each['kind']}, {each['videos']}",
                str(each["cores"]),
                f"{each['measured']:.1f}",
                f"{each['simulated']:.1f}",
                f"{100 * each['deviation']:+.0f}",
            ]
            for each in result["validation"]
        ]
        parts.append(markdown(["", "workers", "measured, s", "simulated, s", "deviation %"], rows))
    return "\n\n".join(parts)


def _rate(result: Json, kind: str, cores: int) -> float:
    turns = [each for each in result["turns"] if (each["kind"], each["videos"], each["cores"]) == (kind, "long", cores)]
    return float(max(each["frames"] / each["seconds"] for each in turns))


def _start(result: Json, kind: str) -> float:
    return float(median(each["start"] for each in result["turns"] if each["kind"] == kind))


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
