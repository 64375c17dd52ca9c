"""One function a table of the README: a folder of results in, Markdown out. `readme` puts them into place.

Results of a device are <device>.<what>.json; each says by itself which machine it is of. Accuracy stands beside speed:
a result that does not have it is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edgeseg.benchmarks.table import COLUMNS
from edgeseg.errors import DataError

BENCH = "*.bench-*.json"

Json = dict[str, Any]


def accuracy(results: Path) -> str:
    """The accuracy of each artifact that was measured, and its three weakest classes: one row an engine and precision.

    Reads *.bench-*.json, which `edgeseg bench --data --json` writes.
    """
    rows: dict[tuple[str, str], list[str]] = {}
    for result in _load(results, BENCH, "make bench"):
        for run in result["runs"]:
            figures = _accuracy(result, run)
            known = sorted((iou, name) for name, iou in figures["iou"].items() if iou is not None)
            rows[result["bundle"]["name"], _artifact(run)] = [
                f"{result['bundle']['name']}, {_artifact(run)}",
                *(f"{figures[key]:.1f}" for key in ("miou", "pixel_accuracy", "class_accuracy", "boundary_f1")),
                ", ".join(f"{name} {iou:.0f}" for iou, name in known[:3]),
                f"{figures['split'] or 'whole'}, {figures['images']}",
            ]
    head = ["", "mIoU %", "pixel accuracy", "class accuracy", "boundary F1", "weakest classes", "split, images"]
    return markdown(head, rows.values())


def stream(results: Path) -> str:
    """What a bundle costs, one column an artifact, engine and mode; a table for each machine and video.

    Reads *.bench-*.json, which `edgeseg bench --data --json` writes.
    """
    groups: dict[tuple[Any, ...], list[tuple[Json, Json]]] = {}
    for result in _load(results, BENCH, "make bench"):
        machine, source = result["machine"], result["source"]
        key = (machine["processor"], machine["cores"], source["sha256"], result["settings"]["camera_fps"])
        groups.setdefault(key, []).extend((result, run) for run in result["runs"])
    return "\n\n".join(_stream(columns) for columns in groups.values())


def kernels(results: Path) -> str:
    """The native kernels against what OpenCV and NumPy take for the same work, and how far the masks agree.

    Reads *.kernels.json, which `python -m edgeseg.benchmarks.kernels --json` writes.
    """
    parts = []
    for result in _load(results, "*.kernels.json", "make bench"):
        rows = []
        for work, contenders in result["ms"].items():
            ours = contenders["edgeseg"]["p50"]
            others = {name: ms["p50"] for name, ms in contenders.items() if not name.startswith("edgeseg")}
            rows += [[work, f"{ours:.2f}", name, f"{ms:.2f}", f"{ms / ours:.1f} x"] for name, ms in others.items()]
        head = ["1280x720", "ours, p50 ms", "the same work by", "ms", "ratio"]
        about = (
            f"{result['processor']}, kernels for {result['instruction_set']}, one thread, {result['frames']} frames of "
            f"{result['source']}; masks equal to cv2.resize + argmax on {100 * result['agreement']:.9g} % of pixels:"
        )
        parts.append(f"{about}\n\n{markdown(head, rows)}")
    return "\n\n".join(parts)


def precision(results: Path) -> str:
    """What each step from PyTorch to INT8 cost: one row a stage.

    Reads *.precision.json:

        {"bundle": "road", "split": "val", "images": 101, "machine": {"processor": "AMD EPYC", "cores": 2},
         "stages": [{"stage": "onnxruntime int8", "engine": "onnxruntime", "miou": 72.3, "before": "onnxruntime fp32",
                     "agreement": 99.3, "median_ms": 14.9, "bytes": 3400000}]}

    The stages are in order, the first is what the others are compared with; "before" is null for it, and "bytes" for a
    stage that is no artifact; percent and milliseconds.
    """
    parts = []
    for result in _load(results, "*.precision.json", "edgeseg verify --json"):
        first = result["stages"][0]["miou"]
        rows = [
            [
                each["stage"],
                each["engine"],
                f"{each['miou']:.2f}",
                f"{each['miou'] - first:+.2f}",
                "-" if each["before"] is None else f"{each['agreement']:.2f}",
                f"{each['median_ms']:.1f}",
                "-" if each["bytes"] is None else f"{each['bytes'] / 1e6:.1f}",
            ]
            for each in result["stages"]
        ]
        head = ["stage", "run by", "mIoU %", "change", "same pixels as the stage before, %", "median ms", "MB"]
        about = f"{result['bundle']} on {result['images']} images, split {result['split']}, {_machine(result)}:"
        parts.append(f"{about}\n\n{markdown(head, rows)}")
    return "\n\n".join(parts)


def peers(results: Path) -> str:
    """The same work through other people's software; those whose masks differ are marked.

    Reads *.peers*.json, which `python -m edgeseg.benchmarks.peers --json` writes.
    """
    parts = []
    for result in _load(results, "*.peers*.json", "make peers"):
        rows = [
            [
                each["name"] + ("" if each["same_work"] else " *"),
                f"{each['fps']:.1f}",
                f"{each['core_ms']:.1f}",
                f"{each['ours_is_faster_by']:.2f}",
                f"{min(each['ratios']):.2f} to {max(each['ratios']):.2f}",
                f"{100 * each['agreement']:.2f}",
            ]
            for each in result["contenders"]
        ]
        work = "masks and overlays" if result["overlay"] else "masks"
        about = f"{result['artifact']['file']}, {result['video']} to {work} at frame size, {_machine(result)}:"
        table = markdown(["", "fps", "core ms a frame", "time / ours", "range", "equal pixels, %"], rows)
        less = any(not each["same_work"] for each in result["contenders"])
        note = "\n\n\\* Other masks than ours, by less or other work: no rival." if less else ""
        parts.append(f"{about}\n\n{table}{note}" + _warnings([result]))
    return "\n\n".join(parts)


def zoo(results: Path) -> str:
    """Networks that were trained here, beside what their authors published.

    Reads zoo.json:

        {"data": "CamVid", "split": "val", "images": 101,
         "networks": [{"name": "unet", "params": 31042000, "macs": 1230000000, "size": [480, 360],
                       "miou": 60.1, "boundary_f1": 55.0, "class_accuracy": 70.2, "pixel_accuracy": 90.3,
                       "latency_ms": 30.2, "published": {"miou": 62.0, "on": "CamVid test", "source": "the paper"},
                       "seed": 0, "epochs": 60, "hours": 2.5, "hardware": "2 cores of an AMD EPYC"}]}

    Percent; the latency is the engine's median on one frame, on the hardware named. "published" is null where nobody
    published a figure, and so is a figure that was not measured.
    """
    parts = []
    for result in _load(results, "zoo.json", "edgeseg train, edgeseg eval"):
        rows = []
        for each in result["networks"]:
            said = each["published"]
            rows.append(
                [
                    each["name"],
                    _figure(each["miou"], 1),
                    _figure(each["boundary_f1"], 1),
                    f"{_figure(each['class_accuracy'], 1)} / {_figure(each['pixel_accuracy'], 1)}",
                    f"{each['params'] / 1e6:.2f} / {each['macs'] / 1e9:.2f}",
                    _figure(each["latency_ms"], 1),
                    "-" if said is None else f"{said['miou']:.1f}, {said['on']} ({said['source']})",
                    f"{each['epochs']}, seed {each['seed']}, {each['hours']:.1f} h, {each['hardware']}",
                ]
            )
        head = ["", "mIoU %", "boundary F1", "class / pixel accuracy", "M params / GMAC", "ms", "published mIoU"]
        about = f"{result['data']}, split {result['split']}, {result['images']} images:"
        parts.append(f"{about}\n\n{markdown([*head, 'epochs, on what'], rows)}")
    return "\n\n".join(parts)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar in a text would begin a new cell."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(each.replace("|", "\\|") for each in line) + " |" for line in lines)


def _stream(columns: Sequence[tuple[Json, Json]]) -> str:
    """The table of one machine and video."""
    result = columns[0][0]
    source, machine = result["source"], result["machine"]
    measured = [run["measured"] for _, run in columns]
    flat, camera = ([each[key] for each in measured] for key in ("pipeline", "capture_to_mask"))
    sent = [each["stream_to_mask"] for each in measured]
    fps = f"{result['settings']['camera_fps']:g} fps"
    stages = [each["stage_core_ms"] for each in flat]
    rows = [
        ["accuracy: mIoU %", *(f"{_accuracy(each, run)['miou']:.1f}" for each, run in columns)],
        ["pipeline: frames a second", *(f"{each['figures']['fps']:.1f}" for each in flat)],
        ["pipeline: p50 / p95 / p99 ms", *map(_latency, flat)],
        ["pipeline: core ms a frame", *(f"{each['figures']['core_ms']:.1f}" for each in flat)],
        [
            "decoding / resize / network / arg-max alone, core ms",
            *(" / ".join(f"{each[key]:.1f}" for key in ("decode", "prepare", "infer", "kernel")) for each in stages),
        ],
        ["efficiency: fps x core-seconds alone / cores", *(f"{each['efficiency']:.2f}" for each in flat)],
        [f"camera to mask at {fps}: p50 / p95 / p99 ms", *map(_latency, camera)],
        ["the same: dropped of frames", *map(_dropped, camera)],
        [
            "highest camera rate, p99 below two intervals, no drop",
            *(_figure(each["highest_fps"], 1) for each in camera),
        ],
        [f"stream to mask at {fps}: p50 / p95 / p99 ms", *map(_latency, sent)],
        ["first mask of a new process, s", *(f"{run['first_mask']['median_seconds']:.2f}" for _, run in columns)],
        ["peak memory, MB", *(f"{run['first_mask']['peak_memory_mb']:.0f}" for _, run in columns)],
    ]
    if any(each["energy"] for each in flat):
        energy = [each["energy"]["joules_a_frame_above_idle"] if each["energy"] else None for each in flat]
        rows.append(["energy above idle, J a frame", *(_figure(each, 3) for each in energy)])
    head = [f"{source['width']}x{source['height']}", *(f"{_artifact(run)}, {run['mode']}" for _, run in columns)]
    software = ", ".join(f"{name} {result['versions'][name]}" for name in ("python", "onnxruntime", "opencv-python"))
    about = (
        f"{result['bundle']['name']} on {machine['processor']}, {machine['cores']} cores, kernels for "
        f"{machine['kernels']}; {software}; {source['name']}, {result['time'][:10]}:"
    )
    parts = {key: measured[0][key] for key in COLUMNS if key != "engine"}
    notes = [f"- {COLUMNS[key]}: {part['included']}. Not: {part['excluded']}." for key, part in parts.items()]
    notes += [
        f"- not steady, the bound on windows was reached: {COLUMNS[key]}, {_artifact(run)}, {run['mode']}."
        for _, run in columns
        for key in COLUMNS
        if not run["measured"][key]["steady"]
    ]
    return f"{about}\n\n{markdown(head, rows)}\n\n" + "\n".join(notes) + _warnings([each for each, _ in columns])


def _accuracy(result: Json, run: Json) -> Json:
    """The accuracy of a run, without which no row is shown."""
    if run["accuracy"] is None:
        raise DataError(
            f"the result of {result['time']} has no accuracy for {_artifact(run)}, expected some: accuracy stands "
            "beside speed; measure with edgeseg bench --data"
        )
    return dict(run["accuracy"])


def _artifact(run: Json) -> str:
    return f"{run['engine']} {run['artifact']['precision']}"


def _machine(result: Json) -> str:
    return f"{result['machine']['processor']}, {result['machine']['cores']} cores"


def _latency(part: Json) -> str:
    return " / ".join(f"{part['figures'][f'p{percent}_ms']:.1f}" for percent in (50, 95, 99))


def _dropped(part: Json) -> str:
    dropped, frames = part["figures"]["dropped"], part["figures"]["frames"]
    return f"{dropped} of {dropped + frames}"


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _warnings(results: Iterable[Json]) -> str:
    """What was said against the figures when they were measured."""
    said = dict.fromkeys(each for result in results for each in result["warnings"])
    return "".join(f"\n\nWarned while this was measured: {each}." for each in said)


def _load(folder: Path, pattern: str, command: str) -> list[Json]:
    """All results of that kind, by file name.

    Raises:
        DataError: there are none, or one is no JSON.
    """
    found = []
    for path in sorted(folder.glob(pattern)):
        try:
            found.append(json.loads(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise DataError(f"cannot read {path} ({error}); measure again: {command}") from error
    if not found:
        raise DataError(f"there is no {folder / pattern}, which this table is made of; measure it first: {command}")
    return found
