"""What a bundle costs, in four columns: the short table for the README."""

from __future__ import annotations

from pathlib import Path

from edgeseg_bench.report.table import artifact_of
from lab.tables.bench import accuracy_of, comparable_runs, earlier_weights
from lab.tables.parts import Json, figure, machine, markdown, warnings


def costs(results: Path) -> str:
    """One row an engine and precision, for each machine and video: mIoU, rate flat out, latency of a camera.

    The rate is that of throughput mode, the latency that of latency mode, a dash where a mode was not measured.
    Reads *.bench-*.json, which `edgeseg bench --data --json` writes.
    """
    return "\n\n".join(_costs(runs) for runs in comparable_runs(results))


def _costs(runs: list[tuple[Json, Json]]) -> str:
    """The table of one machine and video."""
    miou, fps, p95 = {}, {}, {}
    for result, run in runs:
        artifact, figures = artifact_of(run), run["measured"]
        miou[artifact] = accuracy_of(result, run)["miou"]
        if run["mode"] == "throughput":
            fps[artifact] = figures["pipeline"]["figures"]["fps"]
        else:
            p95[artifact] = figures["capture_to_mask"]["figures"]["p95_ms"]
    rows = [
        [artifact, f"{miou[artifact]:.1f}", figure(fps.get(artifact), 0), figure(p95.get(artifact), 0)]
        for artifact in miou
    ]
    result = runs[0][0]
    source = result["source"]
    split = accuracy_of(*runs[0])["split"] or "whole"
    about = f"{result['bundle']['name']}, {source['width']}x{source['height']} video, on {machine(result)}:"
    camera = f"camera at {result['settings']['camera_fps']:g} fps to mask, p95 ms"
    table = markdown(["", f"mIoU % ({split})", "throughput, fps", camera], rows)
    measured = [result for result, _ in runs]
    return f"{about}\n\n{table}{earlier_weights(measured)}{warnings(measured)}"
