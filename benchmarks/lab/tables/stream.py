"""The full tables of `edgeseg bench`: accuracy, and what a bundle costs beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgeseg.bundle import Bundle
from edgeseg.bundle_index import shipped
from edgeseg.candidate import CPU_TARGET
from edgeseg_bench.report.table import COLUMNS, artifact_of
from lab.tables.bench import accuracy_of, comparable_runs, earlier_weights, recorded_accuracy
from lab.tables.parts import Json, figure, markdown, warnings

SOFTWARE = ("python", "onnxruntime", "openvino", "opencv-python")


def accuracy(results: Path) -> str:  # noqa: ARG001
    """The accuracy of each shipped artifact for processors, as the bundles record it, and its three weakest classes."""
    rows = []
    for name in shipped():
        for artifact in Bundle.open(name).artifacts:
            figures = recorded_accuracy(name, artifact.precision)
            if artifact.target != CPU_TARGET or figures is None:
                continue
            ious = sorted((iou, label) for label, iou in figures["iou"].items() if iou is not None)
            rows.append(
                [
                    f"{name}, {artifact.precision}",
                    *(f"{figures[key]:.1f}" for key in ("miou", "pixel_accuracy", "class_accuracy", "boundary_f1")),
                    ", ".join(f"{label} {iou:.0f}" for iou, label in ious[:3]),
                    f"{figures['split'] or 'whole'}, {figures['images']}",
                ]
            )
    head = ["", "mIoU %", "pixel accuracy", "class accuracy", "boundary F1", "weakest classes", "split, images"]
    return markdown(head, rows)


def stream(results: Path) -> str:
    """What a bundle costs, one row an engine and precision; for each machine and video a table a mode.

    Reads *.bench-*.json, which `edgeseg bench --data --json` writes.
    """
    return "\n\n".join(_stream(runs) for runs in comparable_runs(results))


def _stream(runs: Sequence[tuple[Json, Json]]) -> str:
    """The tables of one machine and video."""
    result, first = runs[0]
    source, machine = result["source"], result["machine"]
    software = ", ".join(f"{name} {result['versions'][name]}" for name in SOFTWARE if name in result["versions"])
    parts = [
        f"{result['bundle']['name']} on {machine['processor']}, {machine['cores']} cores, kernels for "
        f"{machine['kernels']}; {software}; {source['name']}, {source['width']}x{source['height']}, "
        f"{result['time'][:10]}:"
    ]
    for mode, table in (("throughput", _throughput), ("latency", _latency)):
        selection = [(result, run) for result, run in runs if run["mode"] == mode]
        if selection:
            parts.append(table(selection))
    notes = ["- efficiency: frames a second x core-seconds a frame of the stages, each alone / cores."]
    notes += [
        f"- {COLUMNS[key]}: {part['included']}. Not: {part['excluded']}."
        for key, part in first["measured"].items()
        if key != "engine"
    ]
    notes += [
        f"- not steady, the bound on windows was reached: {COLUMNS[key]}, {artifact_of(run)}, {run['mode']}."
        for _, run in runs
        for key, part in run["measured"].items()
        if not part["steady"]
    ]
    measured = [result for result, _ in runs]
    return "\n\n".join([*parts, "\n".join(notes)]) + earlier_weights(measured) + warnings(measured)


def _throughput(runs: Sequence[tuple[Json, Json]]) -> str:
    rows = []
    for result, run in runs:
        flat, stages = run["measured"]["pipeline"], run["measured"]["pipeline"]["stage_core_ms"]
        rows.append(
            [
                artifact_of(run),
                f"{accuracy_of(result, run)['miou']:.1f}",
                f"{flat['figures']['fps']:.1f}",
                _percentiles(flat),
                f"{flat['figures']['core_ms']:.1f}",
                " / ".join(f"{stages[stage]:.1f}" for stage in ("decode", "prepare", "infer", "kernel")),
                f"{flat['efficiency']:.2f}",
                f"{run['first_mask']['peak_memory_mb']:.0f}",
                figure(flat["energy"] and flat["energy"]["joules_a_frame_above_idle"], 3),
            ]
        )
    head = [
        f"throughput, {runs[0][1]['workers']} at once",
        "mIoU %",
        "pipeline fps",
        "p50 / p95 / p99 ms",
        "core ms a frame",
        "decoding / resize / network / arg-max alone",
        "efficiency",
        "peak MB",
        "J a frame above idle",
    ]
    return markdown(head, rows)


def _latency(runs: Sequence[tuple[Json, Json]]) -> str:
    rows = []
    for result, run in runs:
        measured = run["measured"]
        rows.append(
            [
                artifact_of(run),
                f"{accuracy_of(result, run)['miou']:.1f}",
                _percentiles(measured["capture_to_mask"]),
                _dropped(measured["capture_to_mask"]),
                figure(measured["capture_to_mask"]["highest_fps"], 1),
                _percentiles(measured["stream_to_mask"]),
                _dropped(measured["stream_to_mask"]),
                f"{measured['pipeline']['figures']['fps']:.1f}",
                f"{run['first_mask']['median_seconds']:.2f}",
            ]
        )
    fps = f"{runs[0][0]['settings']['camera_fps']:g} fps"
    head = [
        f"latency, one frame on {runs[0][1]['threads']} threads",
        "mIoU %",
        f"camera at {fps} to mask, p50 / p95 / p99 ms",
        "dropped",
        "highest rate, fps",
        f"stream at {fps} to mask, p50 / p95 / p99 ms",
        "dropped",
        "pipeline fps",
        "first mask, s",
    ]
    return markdown(head, rows)


def _percentiles(part: Json) -> str:
    return " / ".join(f"{part['figures'][f'p{percent}_ms']:.1f}" for percent in (50, 95, 99))


def _dropped(part: Json) -> str:
    dropped, frames = part["figures"]["dropped"], part["figures"]["frames"]
    return f"{dropped} of {dropped + frames}"
