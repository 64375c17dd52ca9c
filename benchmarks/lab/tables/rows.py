"""The tables by name: a folder of results in, Markdown out.

Results of a device are <device>.<what>.json; each names its machine. A new table is one more function, here or in a
file of its own, and its name in TABLES.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.tables import archive
from lab.tables.compares import compares
from lab.tables.costs import costs
from lab.tables.cpp import cpp
from lab.tables.parts import figure, load_results, machine, markdown
from lab.tables.peers import peers
from lab.tables.serving import serving
from lab.tables.speed import speed
from lab.tables.stream import accuracy, stream


def kernels(results: Path) -> str:
    """The native kernels against what OpenCV and NumPy take for the same work, and how far the masks agree.

    Reads *.kernels.json, which `python -m lab.kernels --json` writes.
    """
    parts = []
    for result in load_results(results, "*.kernels.json", "make bench"):
        rows = []
        for work, implementations in result["ms"].items():
            ours = implementations["edgeseg"]["p50"]
            others = {name: ms["p50"] for name, ms in implementations.items() if not name.startswith("edgeseg")}
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

    Reads *.precision.json, which `edgeseg verify --json` writes:

        {"bundle": "road", "split": "val", "images": 101, "machine": {"processor": "AMD EPYC", "cores": 2},
         "stages": [{"stage": "onnxruntime int8", "engine": "onnxruntime", "miou": 72.3, "before": "onnxruntime fp32",
                     "agreement": 99.3, "median_ms": 14.9, "bytes": 3400000}],
         "left_out": ["tensorrt int8 in tensorrt: why"],
         "builds": [{"product": "tensorrt-rtx", "artifact": "tensorrt int8", "seconds": 20.1, "bytes": 3400000}]}

    The stages are in order, the mIoU of the others is compared with the first's, their masks with those of the stage
    "before", null for the first; "median_ms" is null for a stage whose time says nothing, "bytes" for one that is no
    artifact; percent and milliseconds.
    """
    parts = []
    for result in load_results(results, "*.precision.json", "edgeseg verify --json"):
        first = result["stages"][0]["miou"]
        rows = [
            [
                each["stage"],
                each["engine"],
                f"{each['miou']:.2f}",
                f"{each['miou'] - first:+.2f}",
                "-" if each["before"] is None else f"{each['agreement']:.2f} of {each['before']}",
                figure(each["median_ms"], 1),
                "-" if each["bytes"] is None else f"{each['bytes'] / 1e6:.1f}",
            ]
            for each in result["stages"]
        ]
        head = ["stage", "run by", "mIoU %", "change", "same pixels, %", "median ms", "MB"]
        about = f"{result['bundle']} on {result['images']} images, split {result['split']}, {machine(result)}:"
        notes = [f"- left out: {each}." for each in result["left_out"]]
        notes += [
            f"- {each['artifact']} built by {each['product']} in {each['seconds']:.1f} s, {each['bytes'] / 1e6:.1f} MB."
            for each in result["builds"]
        ]
        parts += [about, markdown(head, rows), *(["\n".join(notes)] if notes else [])]
    return "\n\n".join(parts)


def zoo(results: Path) -> str:
    """Networks that were trained here, beside what their authors published: from what lab.zoo wrote.

    Percent. A dash where nobody published a figure.
    """
    parts = []
    for result in load_results(results, "zoo.json", "python -m lab.zoo"):
        rows = [
            [
                each["name"] + ("" if each["width"] == 1 else f", width {each['width']:g}"),
                ("ImageNet" if each["pretrained"] else "none")
                + (f", teacher {each['teacher']}" if each["teacher"] else ""),
                figure(each["miou"], 1),
                figure(each["boundary_f1"], 1),
                f"{figure(each['class_accuracy'], 1)} / {figure(each['pixel_accuracy'], 1)}",
                f"{each['params'] / 1e6:.2f} / {each['macs'] / 1e9:.2f}",
                _published(each),
                _epochs(each),
            ]
            for each in result["networks"]
        ]
        head = ["", "start", "mIoU %", "boundary F1", "class / pixel accuracy", "M params / GMAC"]
        about = f"{result['data']}, split {result['split']}, {result['images']} images, ONNX Runtime fp32:"
        again = "\n".join(f"    {command}" for each in result["networks"] for command in each["commands"])
        table = markdown([*head, "published mIoU", "epochs, time"], rows)
        parts.append(f"{about}\n\n{table}\n\nThe commands of these rows, in order:\n\n{again}")
    return "\n\n".join(parts)


def sizes(results: Path) -> str:
    """What a larger input gains, bundle by bundle: from what lab.sizes wrote. Changes are against the first size."""
    parts = []
    for result in load_results(results, "sizes.json", "python -m lab.sizes"):
        rows, first = [], {each["bundle"]: each for each in reversed(result["rows"])}
        for each in result["rows"]:
            before, (width, height) = first[each["bundle"]], each["size"]
            rows.append(
                [
                    f"{each['bundle']}, {width}x{height}",
                    figure(each["miou"], 2),
                    f"{each['miou'] - before['miou']:+.2f}",
                    figure(each["boundary_f1"], 1),
                    f"{each['boundary_f1'] - before['boundary_f1']:+.1f}",
                    f"{each['macs'] / 1e9:.2f}",
                    f"{each['macs'] / before['macs']:.2f} x",
                ]
            )
        width, height = result["frame"]
        about = (
            f"frames of {width}x{height} of {result['data']}, split {result['split']}, {result['images']} images; "
            f"ONNX Runtime fp32 on {machine(result)}:"
        )
        head = ["input", "mIoU %", "change", "boundary F1", "change", "GMAC", "as much"]
        parts.append(f"{about}\n\n{markdown(head, rows)}")
    return "\n\n".join(parts)


def _published(row: dict[str, Any]) -> str:
    """The authors' figure; it is of the paper's width, which is named where ours is another."""
    paper = row["published"]
    if paper is None:
        return "-"
    width = "" if row["width"] == 1 else " at width 1"
    return f"{paper['miou']:.1f}{width} ({paper['on']}; {paper['source']})"


def _epochs(row: dict[str, Any]) -> str:
    """Epochs of each run, the size of the crops where they are no whole frames, and the time."""
    epochs = " + ".join(str(epochs) for epochs in row["epochs"])
    crops = "" if row["crop"] == "full" else f" of {row['crop']} crops"
    last = "the last " if len(row["epochs"]) > 1 else ""
    time = "" if row["hours"] is None else f", {last}{60 * row['hours']:.0f} min"
    return f"{epochs}{crops}{time}"


TABLES: dict[str, Callable[[Path], str]] = {
    "costs": costs,
    "cpp": cpp,
    "compares": compares,
    "accuracy": accuracy,
    "stream": stream,
    "kernels": kernels,
    "precision": precision,
    "peers": peers,
    "zoo": zoo,
    "sizes": sizes,
    "archive_efficiency": archive.efficiency,
    "archive_costs": archive.costs,
    "scale": archive.scale,
    "scale_validation": archive.validation,
    "serving": serving,
    "speed": speed,
}
"""By name: the function that turns a folder of results into Markdown."""
