"""`python -m lab.scale COSTS.json TURNS.json --json FILE`: all scenarios, and the simulation beside real runs."""

from __future__ import annotations

import json as jsonlib
import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from edgeseg.processor import available_cores
from edgeseg_bench.script import run_script
from lab.output import write_result
from lab.scale.cluster import Cluster
from lab.scale.costs import Archive, Costs
from lab.scale.plot import draw
from lab.scale.scenarios import Scenario, scenarios
from lab.scale.simulation import Simulation


def main(costs: Path, turns: Path, *, json: Path | None = None, plot: Path | None = None) -> None:
    """Simulate an archive on 10 to 1,000 machines.

    Args:
        costs: the result of `python -m lab.archive.costs`.
        turns: that of `python -m lab.archive`, which the simulation is held against.
        json: write the figures here too.
        plot: draw throughput and efficiency here, as SVG.
    """
    measured = jsonlib.loads(costs.read_bytes())
    figures = read_costs(measured)
    runs = jsonlib.loads(turns.read_bytes())
    result: dict[str, Any] = {
        "format": 1,
        "what": "lab.scale",
        "costs": costs.name,
        "machine": measured["machine"],
        "cluster": {key: value for key, value in asdict(Cluster(1)).items() if value != math.inf},
        "validation": validate(figures, runs),
        "scenarios": [],
    }
    for check in result["validation"]:
        print(check, flush=True)
    with ProcessPoolExecutor(available_cores()) as pool:
        for outline in pool.map(partial(Scenario.run, costs=figures), scenarios()):
            result["scenarios"].append(outline)
            print(f"{outline['name']}, {outline['machines']}:", {key: outline[key] for key in _SHOWN}, flush=True)
    if json is not None:
        write_result(result, json)
    if plot is not None:
        draw(plot, result["scenarios"])


DISK = Cluster(1, link=math.inf, store=math.inf, reads=math.inf, writes=math.inf, latency=0.0)
"""Where files lie in the machine itself."""

_SHOWN = ("fps", "seconds", "efficiency", "limit")


def read_costs(measured: dict[str, Any]) -> Costs:
    """From the result of `python -m lab.archive.costs`."""
    return Costs(**{field.name: measured["costs"][field.name] for field in fields(Costs)})


def validate(costs: Costs, measured: dict[str, Any]) -> list[dict[str, Any]]:
    """What the simulation says of the runs that were measured too, none of which its costs were taken from.

    They were on disk: no store, no network. What was measured before the first task is left out on both sides; of
    several turns the fastest counts, as what disturbs one only slows it.
    """
    costs = replace(costs, start=0.0, listing=0.0)
    piece = round(25 * measured["piece_seconds"])
    long = Archive.cut(1, measured["video"]["frames"], piece)
    archives = {"long": long, "clips": Archive.cut(measured["clips"]["videos"], measured["clips"]["frames"], piece)}
    found = []
    for kind in ("local", "ray"):
        for videos, archive in archives.items():
            for cores in (1, 2):
                turns = [
                    turn["seconds"]
                    for turn in measured["turns"]
                    if (turn["kind"], turn["videos"], turn["cores"]) == (kind, videos, cores)
                ]
                seconds = Simulation(archive, costs, replace(DISK, cores=cores)).run().seconds
                found.append(
                    {
                        "kind": kind,
                        "videos": videos,
                        "cores": cores,
                        "measured": min(turns),
                        "simulated": seconds,
                        "deviation": seconds / min(turns) - 1,
                    }
                )
    return found


if __name__ == "__main__":
    run_script(main, "python -m lab.scale")
