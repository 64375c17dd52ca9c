"""Throughput and efficiency against machines, as a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeseg.atomic import atomic_file
from edgeseg.cache import cache_folder

LABELS = {"hours": "10,000 files of an hour", "clips": "1,000,000 clips of 10 s"}


def draw(path: Path, scenarios: Sequence[dict[str, Any]]) -> None:
    """Draws the groups of LABELS, as SVG: the same bytes for the same figures."""
    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))  # its list of fonts goes there
    import matplotlib as mpl
    from matplotlib.figure import Figure  # without pyplot: no display, no global state

    with mpl.rc_context({"svg.hashsalt": "edgeseg", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for group, label in LABELS.items():
            points = [each for each in scenarios if each["group"] == group and each["name"] == label]
            machines = [each["machines"] for each in points]
            left.plot(machines, [each["fps"] for each in points], marker="o", label=label)
            right.plot(machines, [100 * each["efficiency"] for each in points], marker="o", label=label)
        first = next(each for each in scenarios if each["group"] == "hours")
        ideal = first["fps"] / first["efficiency"] / first["machines"]
        left.plot(machines, [ideal * each for each in machines], color="grey", linestyle="--", label="frames alone")
        left.set(xscale="log", yscale="log", xlabel="machines of 8 cores", ylabel="frames a second")
        right.set(xscale="log", ylim=(0, 100), xlabel="machines of 8 cores", ylabel="efficiency, %")
        for axes in (left, right):
            axes.set_xticks(machines, [f"{each:,}" for each in machines])
            axes.minorticks_off()
            axes.grid(alpha=0.3)
        left.legend()
        with atomic_file(path) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None})
