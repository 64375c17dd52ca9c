"""Four cameras against one, on one network: python -m lab.cameras [--cameras 4] [--json FILE].

Both get the same frames a second in all, more than the network can take. Servers, readers and network share the
machine; one and several take turns.
"""

from __future__ import annotations

import json as jsonlib
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from edgeseg_bench.machine import processor
from edgeseg_bench.script import run_script
from lab.output import write_figures
from lab.soak.faults import SERVER, free_port

WARM = 6.0
"""Seconds until a service is looked at."""


def main(
    *,
    cameras: int = 4,
    fps: int = 120,
    size: str = "960x540",
    seconds: float = 20.0,
    rounds: int = 3,
    bundle: str = "road-nano",
    json: Path | None = None,
) -> None:
    """Measure the masks a second of all cameras together.

    Args:
        cameras: how many are compared with one.
        fps: of all together.
        size: of their pictures.
        seconds: of one turn.
        rounds: how many turns each has.
        bundle: the network.
        json: write the figures here too.
    """
    found: dict[int, list[float]] = {1: [], cameras: []}
    for _ in range(rounds):
        for number, rates in found.items():
            rates.append(masks_a_second(number, fps // number, size, seconds, bundle))
    one, several = (statistics.median(rates) for rates in found.values())
    figures = {
        "processor": processor(),
        "bundle": bundle,
        "size": size,
        "offered_fps": fps,
        "one": found[1],
        "several": {"cameras": cameras, "fps": found[cameras]},
        "share": round(several / one, 3),
    }
    write_figures(figures, json)


def masks_a_second(number: int, fps: int, size: str, seconds: float, bundle: str) -> float:
    """Of a service with so many cameras, after it is warm."""
    with ExitStack() as stack:
        _, statuses = service(stack, [server(stack, fps, size) for _ in range(number)], bundle)
        first: tuple[float, int] | None = None
        for status in statuses:
            at, masks = status["seconds"], sum(camera["masks"] for camera in status["cameras"])
            if first is None and at >= WARM:
                first = at, masks
            elif first is not None and at >= first[0] + seconds:
                return float((masks - first[1]) / (at - first[0]))
    raise RuntimeError("the service ended before it was measured")


def service(stack: ExitStack, ports: list[int], bundle: str, more: str = "") -> tuple[int, Iterator[dict[str, Any]]]:
    """Starts a service of the cameras at these ports; its process and its status, once a second."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    lines = [f'[cameras.c{at}]\nsource = "http://127.0.0.1:{port}"' for at, port in enumerate(ports)]
    (Path(folder) / "cameras.toml").write_text("\n".join([f'bundle = "{bundle}"', more, *lines]) + "\n")
    command = [sys.executable, "-m", "edgeseg", "serve", f"{folder}/cameras.toml", "--json", "--every", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    stack.callback(process.wait)
    stack.callback(process.send_signal, signal.SIGTERM)
    assert process.stdout is not None
    lines_of_json = map(jsonlib.loads, process.stdout)
    return process.pid, (line["status"] for line in lines_of_json if "status" in line)


def server(stack: ExitStack, fps: int, size: str) -> int:
    """Starts a camera; its port."""
    port = free_port()
    command = [sys.executable, str(SERVER), "mjpeg", str(port), f"size={size}", f"fps={fps}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
    return port


if __name__ == "__main__":
    run_script(main, "python -m lab.cameras")
