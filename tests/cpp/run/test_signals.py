"""Signals end edgeseg-run in order."""

from __future__ import annotations

import signal
from pathlib import Path

import av
import pytest

from tests.cpp.run.process import SECONDS, Start, report, written
from tests.video.namespace import Loopback, free_port, wait_until


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_in_order(
    start: Start, servers: Loopback, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    port = free_port()
    servers.start("mjpeg", port)
    process = start(f"http://127.0.0.1:{port}/", "--masks", "masks", "--out", "out.mkv")
    wait_until(lambda: written(tmp_path / "masks") > 5, SECONDS)
    process.send_signal(number)
    found = report(process)
    assert process.returncode == code
    assert found["ended"] == {"how": "interrupted", "reason": number.name}
    assert found["frames"] == written(tmp_path / "masks")
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert sum(1 for _ in container.decode(video=0)) > 5
    assert not list(tmp_path.glob(".*"))


def test_a_signal_while_nothing_answers(start: Start) -> None:
    process = start(f"http://127.0.0.1:{free_port()}/", "--reconnect")
    assert process.stderr is not None
    assert "trying again" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 143
