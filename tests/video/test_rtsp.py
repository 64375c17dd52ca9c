"""RTSP from a real server, GStreamer's, in the system's Python; tests/install-servers.sh brings it."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeseg.errors import SourceError
from edgeseg.video.access import Access, Credentials
from edgeseg.video.open import open_source
from edgeseg.video.source import Ended

pytestmark = pytest.mark.usefixtures("no_thread_left")
PYTHON = Path("/usr/bin/python3")
PASSWORD = "p@ss/w:rd"

Start = Callable[..., tuple[str, subprocess.Popen[str]]]


@pytest.fixture
def start() -> Iterator[Start]:
    """`start(user, password)`: the address and the process of a camera."""
    processes: list[subprocess.Popen[str]] = []

    def run(*credentials: str) -> tuple[str, subprocess.Popen[str]]:
        if not PYTHON.exists():
            pytest.skip(f"no {PYTHON}")
        command = [str(PYTHON), str(Path(__file__).with_name("rtsp_server.py")), *credentials]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        processes.append(process)
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            pytest.skip("GStreamer's RTSP server does not run: tests/install-servers.sh installs it")
        return f"rtsp://127.0.0.1:{port}/live", process

    yield run
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_frames_by_either_transport(start: Start, transport: str) -> None:
    url, _ = start()
    with open_source(url, timeout=5, options={"rtsp_transport": transport}) as source:
        frames = [next(source) for _ in range(20)]
        assert source.live
        assert (source.width, source.height) == (320, 240)
    assert all(frame.image.min() > 240 for frame in frames)
    times = [frame.timestamp for frame in frames]
    assert times == sorted(set(times))
    assert all(frame.captured <= later.captured for frame, later in itertools.pairwise(frames))
    assert not source.warnings


def test_a_camera_that_dies_is_lost(start: Start) -> None:
    url, process = start()
    with open_source(url, timeout=2) as source:
        next(source)
        process.kill()
        for _ in source:
            pass
    assert source.ended is not None
    assert source.ended.how == "lost"
    assert source.ended.reason is not None


def test_a_wrong_path_is_no_such_stream(start: Start) -> None:
    url, _ = start()
    with pytest.raises(SourceError, match="has no such stream"):
        open_source(url + "2", timeout=5)


def test_user_and_password(start: Start) -> None:
    url, _ = start("admin", PASSWORD)
    with pytest.raises(SourceError, match="asks for user and password"):
        open_source(url, timeout=5)
    with pytest.raises(SourceError, match="refuses this user and password"):
        open_source(url.replace("//", "//admin:wrong@"), timeout=5)
    with open_source(url, timeout=5, access=Access(Credentials("admin", PASSWORD))) as source:
        next(source)
    assert source.name == url
    with open_source(url.replace("//", "//admin:p%40ss%2Fw%3Ard@"), timeout=5) as source:
        next(source)
    assert source.name == url.replace("//", "//***@")
    assert source.ended in (None, Ended("interrupted"))
