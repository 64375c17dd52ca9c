"""Live sources that are connected again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.cpp.run.process import SECONDS, Start, report, written
from tests.video.namespace import Loopback, free_port, wait_until


def test_it_is_connected_again(start: Start, servers: Loopback, tmp_path: Path) -> None:
    port = free_port()
    server = servers.start("mjpeg", port)
    process = start(f"http://127.0.0.1:{port}/", "--masks", "masks", "--reconnect", "--timeout", "2")
    wait_until(lambda: written(tmp_path / "masks") > 3, SECONDS)
    servers.stop(server)
    before = written(tmp_path / "masks") + 3
    servers.start("mjpeg", port)
    wait_until(lambda: written(tmp_path / "masks") > before, SECONDS)
    process.send_signal(signal.SIGTERM)
    found = report(process)
    assert sum(found["connection"]["reconnects"].values()) > 0
    assert found["connection"]["gaps"] > 0
    assert found["connection"]["gap_seconds"] > 0
    assert set(found["connection"]) == {"reconnects", "stalls", "gaps", "gap_seconds", "freezes"}


def test_what_is_given_up(start: Start) -> None:
    process = start(f"http://127.0.0.1:{free_port()}/", "--reconnect", "--give-up-after", "1.5")
    out, error = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (2, "")
    assert "gave no frame for 1.5 s" in error
    assert "refused the connection" in error


def test_a_reader_that_is_killed_is_started_again(start: Start, servers: Loopback, tmp_path: Path) -> None:
    port = free_port()
    servers.start("mjpeg", port)
    process = start(f"http://127.0.0.1:{port}/", "--masks", "masks", "--reconnect")
    wait_until(lambda: written(tmp_path / "masks") > 3, SECONDS)
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    assert len(children) == 1
    os.kill(children[0], signal.SIGKILL)
    before = written(tmp_path / "masks") + 3
    wait_until(lambda: written(tmp_path / "masks") > before, SECONDS)
    process.send_signal(signal.SIGINT)
    assert report(process)["connection"]["reconnects"] == {"crashed": 1}


def test_a_camera_that_is_not_plugged_in_is_waited_for(start: Start, built: Path) -> None:
    """Not so without --reconnect, which test_refusals.py has."""
    if not (built / "edgeseg-run-opencv").exists():
        pytest.skip("edgeseg-run reads no cameras here: it needs libopencv-dev")
    process = start("/dev/v4l/by-id/usb-nothing", "--reconnect", "--give-up-after", "1")
    out, error = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (2, "")
    waiting, end = error.splitlines()
    assert waiting.startswith("edgeseg: camera /dev/v4l/by-id/usb-nothing is not there: no such device")
    assert waiting.endswith("; trying again until it answers")
    assert "gave no frame for 1 s" in end
