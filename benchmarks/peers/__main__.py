"""`python -m edgeseg.benchmarks.peers`: ours and others, side by side."""

from __future__ import annotations

import json
import pkgutil
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from edgeseg.atomic import atomic_file
from edgeseg.benchmarks import machine, peers
from edgeseg.benchmarks.peers.race import OURS, SAME, Standing, race
from edgeseg.benchmarks.peers.turn import Task
from edgeseg.benchmarks.street_clip import street_clip
from edgeseg.bundle import Bundle
from edgeseg.errors import EdgeSegError, UsageError
from edgeseg.processor import available_cores
from edgeseg.video.source import open_source

NO_CONTENDERS = {"__main__", "race", "turn", OURS}

app = App(name="python -m edgeseg.benchmarks.peers", help="The same work through other people's software.")


@app.default
def main(
    *names: str,
    bundle: str = "road",
    source: Path | None = None,
    overlay: bool = False,
    precision: str = "fp32",
    frames: int = 200,
    rounds: int = 5,
    json_file: Annotated[Path | None, Parameter("--json")] = None,
) -> None:
    """Race contenders on one video: decoding to masks at frame size.

    Args:
        names: contenders, by their files in benchmarks/peers; all by default.
        bundle: the network: the name of one that comes with edgeseg, or a path.
        source: a video file; the street clip of the extra "demo" by default.
        overlay: paint the overlays too.
        precision: of the artifact that everybody runs.
        frames: of each turn, at most.
        rounds: turns of each contender.
        json_file: write the figures here.
    """
    there = sorted(module.name for module in pkgutil.iter_modules(peers.__path__) if module.name not in NO_CONTENDERS)
    for name in names:
        if name not in there:
            raise UsageError(f"no contender {name!r}; choose of {', '.join(there)}")
    for what, value in (("frames", frames), ("rounds", rounds)):
        if value < 1:
            raise UsageError(f"{what} is {value}, expected at least 1")
    opened = Bundle.open(bundle)
    spec = opened.spec
    if spec.dynamic:
        raise UsageError(f"bundle {spec.name} takes inputs of any size, expected one of a fixed size; export it so")
    artifact = opened.artifact(target="onnxruntime", precision=precision)
    video = source or street_clip()
    with open_source(video) as opened_video:
        placed = spec.placement(opened_video.width, opened_video.height)
    task = Task(
        bundle=str(opened.folder.resolve()),
        model=str(opened.path(artifact).resolve()),
        precision=precision,
        width=spec.width,
        height=spec.height,
        placed=list(placed),
        pad=spec.pad,
        stride=spec.stride,
        palette=[list(colour) for colour in spec.palette],
        video=str(video.resolve()),
        overlay=overlay,
        frames=frames,
        masks=None,
    )
    before = machine.condition()
    with Console(stderr=True).status("peers") as status:
        standings = race(names or there, task, rounds=rounds, say=status.update)
    after = machine.condition()
    said = machine.warnings(before, after, available_cores())
    Console().print(table(standings, f"{video.name}, {'masks and overlays' if overlay else 'masks'}, {precision}"))
    for each in said:
        Console(stderr=True).print(f"warning: {each}", style="yellow", soft_wrap=True)
    if json_file is not None:
        report = {
            "machine": machine.machine(),
            "versions": machine.versions(),
            "condition": {"before": before, "after": after},
            "warnings": said,
            "video": video.name,
            "overlay": overlay,
            "artifact": {"file": artifact.file, "sha256": artifact.sha256},
            "rounds": rounds,
            "contenders": [each.to_json() for each in standings],
        }
        with atomic_file(json_file) as path:
            path.write_text(json.dumps(report, indent=2) + "\n")


def table(standings: list[Standing], title: str) -> Table:
    """The race for a terminal."""
    drawn = Table(
        title=title, caption=f"time: median of its ratios to ours. *: masks differ ({SAME:.0%} are asked for)"
    )
    for column in ("", "fps", "core ms", "time / ours", "range", "equal pixels"):
        drawn.add_column(column, justify="left" if not column else "right")
    for each in standings:
        figures = each.to_json()
        drawn.add_row(
            each.name + "*" * (not each.same),
            f"{each.fps:.1f}",
            f"{each.core_ms:.1f}",
            f"{figures['ours_is_faster_by']:.2f}",
            f"{min(each.ratios):.2f} to {max(each.ratios):.2f}",
            f"{each.agreement:.3%}",
        )
    return drawn


if __name__ == "__main__":
    try:
        app()
    except EdgeSegError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
