"""The table below the plot of mIoU against milliseconds."""

from __future__ import annotations

from pathlib import Path

from lab.tables.parts import figure, load_results, machine, markdown, warnings

KINDS = ("onnxruntime fp32", "onnxruntime int8", "openvino fp32", "openvino int8")


def speed(results: Path) -> str:
    """One row a network: mIoU of its fp32 and INT8 files where trained weights were measured, milliseconds of each.

    Reads *.speed.json, which `python -m lab.speed --json` writes.
    """
    parts = []
    for result in load_results(results, "*.speed.json", "python -m lab.speed"):
        rows = [
            [
                each["name"] + ("" if each["width"] == 1 else f", width {each['width']:g}"),
                each["weights"],
                f"{each['macs'] / 1e9:.2f}",
                *(figure(each["miou"][precision], 1) for precision in ("fp32", "int8")),
                *(figure(each["ms"][kind]["median"], 1) for kind in KINDS),
            ]
            for each in result["networks"]
        ]
        engines = ", ".join(f"{name} {result['versions'][name]}" for name in ("onnxruntime", "openvino"))
        about = (
            f"{result['data']}, split {result['split']}; {machine(result)}, {result['threads']} thread, the network "
            f"alone, median ms; {engines}:"
        )
        head = ["", "weights timed", "GMAC", "mIoU % fp32", "int8", *(f"{kind}, ms" for kind in KINDS)]
        parts.append(f"{about}\n\n{markdown(head, rows)}{warnings([result])}")
    return "\n\n".join(parts)
