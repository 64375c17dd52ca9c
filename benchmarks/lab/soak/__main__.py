"""python -m lab.soak [--minutes 60] [--cameras 4] [--seed 0] [--json FILE]"""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from edgeseg.errors import UsageError
from edgeseg_bench.machine import processor
from edgeseg_bench.script import run_script
from lab.output import write_figures
from lab.soak.faults import FaultyCamera
from lab.soak.report import absences, growth, latency, summed
from lab.soak.watch import Watch, children, reader_of

EVERY = 5.0
"""Seconds between two samples."""

REST = 20.0
"""Seconds without faults at the end, in which every camera has to come back."""

PATIENCE = 30.0
"""Seconds that the end is waited for."""


def main(
    *, minutes: float = 60.0, cameras: int = 4, seed: int = 0, bundle: str = "road-nano", json: Path | None = None
) -> int:
    """Let cameras fail at random under a service, and see what becomes of it.

    Exit code 1 where a camera did not come back, the service did not end in order, or left a process.

    Args:
        minutes: how long.
        cameras: how many.
        seed: of the faults.
        bundle: the network.
        json: write the figures here too.
    """
    if minutes * 60 < 2 * REST or cameras < 1:
        raise UsageError(f"{minutes:g} minutes and {cameras} cameras make no soak; take a minute or more, and a camera")
    with tempfile.TemporaryDirectory() as folder:
        figures = soak(Path(folder), minutes * 60, cameras, seed, bundle)
    write_figures(figures, json)
    return 0 if figures["good"] else 1


def soak(folder: Path, seconds: float, number: int, seed: int, bundle: str) -> dict[str, Any]:
    """The figures of one."""
    service: subprocess.Popen[str] | None = None

    def reader(name: str) -> int | None:
        return None if service is None else reader_of(service.pid, ports[name])

    cameras = [FaultyCamera(f"camera{at}", seed * number + at, reader) for at in range(number)]
    ports = {camera.name: camera.port for camera in cameras}
    lines = [f'[cameras.{name}]\nsource = "http://127.0.0.1:{port}"\nmax_age = 1' for name, port in ports.items()]
    (folder / "cameras.toml").write_text("\n".join([f'bundle = "{bundle}"', *lines]) + "\n")
    command = [sys.executable, "-m", "edgeseg", "serve", str(folder / "cameras.toml"), "--json", "--every", str(EVERY)]
    try:
        with (folder / "log").open("w") as log:
            service = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        watch = Watch(service)
        for camera in cameras:
            camera.start()
        look(watch, service, seconds - REST)
        for camera in cameras:
            camera.rest()
        look(watch, service, REST)
        left = children(service.pid) if service.poll() is None else []
        began = time.monotonic()
        service.send_signal(signal.SIGTERM)
        code = service.wait(PATIENCE)
        ended = time.monotonic() - began
        watch.join()
    finally:
        if service is not None:
            service.kill()
        for camera in cameras:
            camera.close()
    orphans = [pid for pid in left if Path(f"/proc/{pid}").exists()]
    return figures_of(watch, cameras, {"exit_code": code, "end_seconds": round(ended, 2), "orphans": len(orphans)})


def look(watch: Watch, service: subprocess.Popen[str], seconds: float) -> None:
    """Samples for so long, unless the service ends."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and service.poll() is None:
        time.sleep(min(EVERY, max(0.0, end - time.monotonic())))
        if service.poll() is None:
            watch.sample()


def figures_of(watch: Watch, cameras: list[FaultyCamera], end: dict[str, Any]) -> dict[str, Any]:
    """All of them."""
    last = watch.statuses[-1]
    away: dict[str, list[tuple[float, float | None]]] = {}
    for camera in cameras:
        events = [event for event in watch.events if event["camera"] == camera.name]
        for kind, back, stalled in absences(camera.faults, events):
            away.setdefault(kind, []).append((back, stalled))
    faults = [fault.kind for camera in cameras for fault in camera.faults]
    states = {camera["name"]: camera["state"] for camera in last["cameras"]}
    return {
        "good": set(states.values()) == {"live"}
        and end == {**end, "exit_code": 0, "orphans": 0}
        and end["end_seconds"] <= 5,
        "processor": processor(),
        "seconds": round(watch.samples[-1].seconds),
        "cameras": len(cameras),
        "masks": sum(camera["masks"] for camera in last["cameras"]),
        **growth(watch.samples),
        "capture_to_mask": latency(watch.statuses),
        **summed(last),
        "faults": {kind: faults.count(kind) for kind in sorted(set(faults))},
        "gaps": {camera["name"]: camera["connection"]["gaps"] for camera in last["cameras"]},
        "faults_by_camera": {camera.name: len(camera.faults) for camera in cameras},
        "seconds_until_live": {
            kind: {
                "times": len(found),
                "median": round(statistics.median(back for back, _ in found), 2),
                "longest": round(max(back for back, _ in found), 2),
                "longest_until_stalled": max((round(each, 2) for _, each in found if each is not None), default=None),
            }
            for kind, found in sorted(away.items())
        },
        "states": states,
        **end,
    }


if __name__ == "__main__":
    run_script(main, "python -m lab.soak")
