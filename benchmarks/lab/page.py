"""What the page of a service costs while nobody looks: python -m lab.page [--cameras 2] [--json FILE].

The same cameras are served with and without a page, by turns, and the processor's time of the service and its readers
is compared. With a page it also keeps what a viewer would ask for; nobody does here.
"""

from __future__ import annotations

import os
import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from edgeseg_bench.machine import processor
from edgeseg_bench.script import run_script
from lab.cameras import WARM, server, service
from lab.output import write_figures
from lab.soak.faults import free_port


def main(
    *,
    cameras: int = 2,
    fps: int = 10,
    size: str = "960x540",
    seconds: float = 30.0,
    rounds: int = 4,
    bundle: str = "road-nano",
    json: Path | None = None,
) -> None:
    """Measure the processor's time of a service with and without a page.

    Args:
        cameras: how many.
        fps: of each; fewer than the machine can segment, so that both services do the same work.
        size: of their pictures.
        seconds: of one turn.
        rounds: how many turns each has.
        bundle: the network.
        json: write the figures here too.
    """
    turns: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
    for _ in range(rounds):
        for name, each in turns.items():
            each.append(turn(cameras, fps, size, seconds, bundle, page=name == "with"))
    without, with_page = (statistics.median(each["cores"] for each in turns[name]) for name in turns)
    figures = {
        "processor": processor(),
        "bundle": bundle,
        "size": size,
        "cameras": cameras,
        "fps": fps,
        "turns": turns,
        "percent_of_a_core_a_camera": round(100 * (with_page - without) / cameras, 2),
    }
    write_figures(figures, json)


def turn(cameras: int, fps: int, size: str, seconds: float, bundle: str, *, page: bool) -> dict[str, float]:
    """Cores that were busy with the service and its readers, and its masks a second, after it is warm."""
    with ExitStack() as stack:
        ports = [server(stack, fps, size) for _ in range(cameras)]
        process, statuses = service(stack, ports, bundle, f'listen = "127.0.0.1:{free_port()}"' if page else "")
        first: tuple[float, float, int] | None = None
        for status in statuses:
            now = time.perf_counter(), cpu_seconds(process), sum(each["masks"] for each in status["cameras"])
            if first is None and status["seconds"] >= WARM:
                first = now
            elif first is not None and now[0] >= first[0] + seconds:
                lasted, busy, masks = (late - early for early, late in zip(first, now, strict=True))
                return {"cores": round(busy / lasted, 4), "masks_a_second": round(masks / lasted, 2)}
    raise RuntimeError("the service ended before it was measured")


def cpu_seconds(pid: int) -> float:
    """Of a process and of its children that live."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields: list[Any] = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if pid in (int(stat.parent.name), int(fields[1])):
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


if __name__ == "__main__":
    run_script(main, "python -m lab.page")
