"""Results of `edgeseg bench`, read for the tables. Accuracy stands beside speed, so a result without it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeseg.errors import DataError
from lab.tables.parts import Json, load_results


def bench_results(folder: Path) -> list[Json]:
    """All results that `edgeseg bench --data --json` wrote, by file name."""
    return load_results(folder, "*.bench-*.json", "make bench")


def comparable_runs(folder: Path) -> list[list[tuple[Json, Json]]]:
    """Each result with each of its runs, grouped by bundle, machine, video and camera rate."""
    groups: dict[tuple[Any, ...], list[tuple[Json, Json]]] = {}
    for result in bench_results(folder):
        machine, source = result["machine"], result["source"]
        device = machine["processor"], machine["cores"]
        key = (result["bundle"]["name"], *device, source["sha256"], result["settings"]["camera_fps"])
        groups.setdefault(key, []).extend((result, run) for run in result["runs"])
    return list(groups.values())


def accuracy_of(result: Json, run: Json) -> Json:
    """The accuracy of a run, without which no row is shown."""
    if run["accuracy"] is None:
        raise DataError(
            f"the result of {result['time']} has no accuracy for {artifact_of(run)}, expected some: accuracy stands "
            "beside speed; measure with edgeseg bench --data"
        )
    return dict(run["accuracy"])


def artifact_of(run: Json) -> str:
    """What ran, "openvino int8"."""
    return f"{run['engine']} {run['artifact']['precision']}"
