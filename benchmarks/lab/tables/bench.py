"""Results of `edgeseg bench`, read for the tables. Accuracy stands beside speed, so a result without it is refused.

Speed does not depend on the weights' values, and accuracy does: a shipped bundle that was trained further keeps the
speed that was measured, and its accuracy is that which the bundle itself records.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgeseg.bundle import Bundle
from edgeseg.bundle_index import shipped
from edgeseg.candidate import CPU_TARGET
from edgeseg.errors import DataError
from edgeseg.measured import Evaluation
from edgeseg_bench.report.table import artifact_of
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


def recorded_accuracy(bundle: str, precision: str) -> Json | None:
    """What a shipped bundle records of its artifact for processors, of that precision."""
    if bundle not in shipped():
        return None
    for artifact in Bundle.open(bundle).artifacts:
        evaluation = artifact.measured.get(Evaluation)
        if (artifact.target, artifact.precision) == (CPU_TARGET, precision) and evaluation is not None:
            return evaluation.to_json()
    return None


def accuracy_of(result: Json, run: Json) -> Json:
    """The accuracy of what ran: as it was measured then; or as the shipped bundle records it, where it has new weights.

    It is recorded in ONNX Runtime; `earlier_weights` says so.

    Raises:
        DataError: there is none, and so no row is shown.
    """
    recorded = recorded_accuracy(result["bundle"]["name"], run["artifact"]["precision"])
    if recorded is not None and not (_is_shipped(result) and run["accuracy"]):
        return recorded
    if run["accuracy"] is None:
        raise DataError(
            f"the result of {result['time']} has no accuracy for {artifact_of(run)}, expected some: accuracy stands "
            "beside speed; measure with edgeseg bench --data"
        )
    return dict(run["accuracy"])


def earlier_weights(results: Iterable[Json]) -> str:
    """A sentence where a shipped bundle has other weights now than those that were timed."""
    names = {result["bundle"]["name"] for result in results if not _is_shipped(result)} & set(shipped())
    return "".join(
        f"\n\nTimes were measured with earlier weights of {name}, the same network; mIoU is that of the present ones "
        "in ONNX Runtime."
        for name in sorted(names)
    )


def _is_shipped(result: Json) -> bool:
    """Whether all artifacts that ran are those of the shipped bundle."""
    name = result["bundle"]["name"]
    there = {artifact.sha256 for artifact in Bundle.open(name).artifacts} if name in shipped() else set()
    return {run["artifact"]["sha256"] for run in result["runs"]} <= there
