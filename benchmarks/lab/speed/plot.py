"""mIoU against milliseconds as a picture: `python -m lab.speed.plot`. Run it in the repository's root.

Only what has both figures is a point: INT8 files of networks whose trained weights are gone stand in the table alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from edgeseg.atomic import atomic_file
from edgeseg.cache import cache_folder
from edgeseg_bench.script import run_script
from lab.tables.parts import Json, load_results, machine

PICTURE = Path("docs/assets/speed.svg")

COLOURS = {"onnxruntime": "#0072b2", "openvino": "#d55e00"}
"""Of Okabe and Ito's, which people with any colour vision tell apart; the shape says the precision too."""

MARKERS = {"fp32": "o", "int8": "s"}

NEAR = 2.0
"""Points of mIoU; where a network has another one so closely below it, its name stands higher."""


def points(network: Json) -> dict[str, tuple[float, float]]:
    """(milliseconds, mIoU) of each engine and precision of a network that has both."""
    miou = network["miou"]
    return {
        kind: (ms["median"], miou[kind.split()[-1]])
        for kind, ms in network["ms"].items()
        if miou[kind.split()[-1]] is not None
    }


def main(*, results: Path = Path("benchmarks/results"), picture: Path = PICTURE) -> None:
    """Draw the newest result of lab.speed.

    Args:
        results: the folder with *.speed.json, one of which is drawn.
        picture: the SVG file.
    """
    (result,) = load_results(results, "*.speed.json", "python -m lab.speed")
    figure = _figure(result)
    with atomic_file(picture) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})


def _figure(result: Json) -> Any:
    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))  # its list of fonts goes there
    import matplotlib
    from matplotlib.figure import Figure  # without pyplot: no display, no global state
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FuncFormatter, NullFormatter

    matplotlib.rcParams.update({"svg.hashsalt": "edgeseg", "svg.fonttype": "none", "font.family": "sans-serif"})
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for network in result["networks"]:
        at = points(network)
        if not at:
            continue
        for kind, (milliseconds, miou) in at.items():
            engine, precision = kind.split()
            axes.plot(milliseconds, miou, MARKERS[precision], color=COLOURS[engine], markersize=7, markeredgecolor="w")
        milliseconds, miou = max(at.values())
        others = [each["miou"]["fp32"] for each in result["networks"] if each["miou"]["fp32"] is not None]
        crowded = any(0 < miou - other < NEAR for other in others)
        name = network["name"] if network["width"] == 1 else f"{network['name']}, width {network['width']:g}"
        axes.annotate(name, (milliseconds, miou), xytext=(8, 5 if crowded else -5), textcoords="offset points")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    low, high = axes.get_xlim()
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if low <= tick <= 3 * high]
    axes.set(
        xlim=(low, 3 * high),  # room for names
        xticks=ticks,
        xlabel=f"milliseconds, the network alone, one thread of {machine(result)}",
        ylabel=f"mIoU, %, {result['data']} {result['split']}",
    )
    axes.grid(alpha=0.3)
    keys = [
        Line2D([], [], linestyle="", marker=marker, color=colour, label=f"{engine} {precision}")
        for engine, colour in COLOURS.items()
        for precision, marker in MARKERS.items()
    ]
    axes.legend(handles=keys, loc="lower left")
    return figure


if __name__ == "__main__":
    run_script(main, "python -m lab.speed.plot")
