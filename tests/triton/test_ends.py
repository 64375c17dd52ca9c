"""How `edgeseg run --server` ends when nobody answers: a real process, which a signal ends without more waiting."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import grpc
import numpy as np
import pytest

from edgeseg.bundle import Bundle
from edgeseg.spec import Spec
from tests.triton.faulty_server import FaultyServer

SECONDS = 60.0
"""After which a test gives up; the servers may take ten times as long."""

COMMAND = ("env", "--default-signal=INT", str(Path(sys.executable).with_name("edgeseg")), "run")
"""As it is installed, with signals as a terminal leaves them; a fork of our own would not get past gRPC's threads."""

FRAMES = 5


@pytest.fixture
def server(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Iterator[FaultyServer]:
    server = FaultyServer(make_bundle(tmp_path / "tiny", spec))
    yield server
    server.stop()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(FRAMES):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((20, 30, 3), 40 * number, np.uint8))
    return folder


@pytest.mark.parametrize("fault", ["hangs", "fails"])
def test_a_signal_ends_the_wait_for_servers(fault: str, server: FaultyServer, pictures: Path, tmp_path: Path) -> None:
    lost = threading.Event()

    def fail(context: Any) -> None:
        if server.requests > 3:  # the greeting, and two frames
            lost.set()
            if fault == "hangs":
                server.stopped.wait(SECONDS)
            context.abort(grpc.StatusCode.UNAVAILABLE, "no")

    server.fault = fail
    waits = ["--timeout", "600", "--server-wait", "600", "--workers", "1"]
    folders = ["--bundle", str(tmp_path / "tiny"), "--masks", str(tmp_path / "masks")]
    process = subprocess.Popen(
        [*COMMAND, str(pictures), "--server", server.address, "--json", *folders, *waits],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert lost.wait(SECONDS)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    report = json.loads(out)
    assert process.returncode == 128 + signal.SIGINT, err
    assert report["ended"] == {"how": "interrupted", "reason": "SIGINT"}
    assert report["frames"] == len(list((tmp_path / "masks").iterdir())) == 2
    assert report["skipped"]["at_end"] == 1  # the one that was on its way
    assert "error" not in err
