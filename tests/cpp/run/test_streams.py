"""Standard streams that are full, closed, or that nobody reads any more: both programs end alike."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.artifact import SHIPPED
from tests.cpp.run.process import SECONDS

NETWORK = ["--bundle", str(SHIPPED / "road-nano"), "--engine", "openvino", "--precision", "fp32", "--max-frames", "1"]


@pytest.fixture(params=["C++", "Python"])
def command(request: pytest.FixtureRequest, program: Path) -> list[str]:
    return [str(program)] if request.param == "C++" else [sys.executable, "-m", "edgeseg", "run"]


def broken_pipe() -> int:
    """The end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


STREAMS: dict[str, Callable[[], int]] = {"full": lambda: os.open("/dev/full", os.O_WRONLY), "broken": broken_pipe}


@pytest.mark.parametrize(("kind", "code"), [("full", 2), ("broken", 128 + signal.SIGPIPE)])
def test_what_cannot_be_printed_is_no_success(command: list[str], kind: str, code: int) -> None:
    stream = STREAMS[kind]()
    done = subprocess.run([*command, "--help"], stdout=stream, stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    os.close(stream)
    assert done.returncode == code
    assert ("No space left" in done.stderr) == (kind == "full")
    assert done.stderr.count("\n") == (kind == "full")


@pytest.mark.parametrize("kind", STREAMS)
def test_an_error_that_nobody_reads_has_its_exit_code(command: list[str], kind: str) -> None:
    stream = STREAMS[kind]()
    done = subprocess.run([*command, "nowhere.mp4"], stdout=subprocess.PIPE, stderr=stream, timeout=SECONDS)
    os.close(stream)
    assert (done.returncode, done.stdout) == (2, b"")


def test_the_report_has_to_arrive(command: list[str], lossless: Path) -> None:
    """In Python by an exception, in C++ by looking at it."""
    with Path("/dev/full").open("w") as full:
        words = [*command, str(lossless), *NETWORK, "--json"]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    assert done.returncode == 2
    assert "No space left" in done.stderr


def test_closed_streams_are_no_files(command: list[str], lossless: Path, tmp_path: Path) -> None:
    """Whoever opened a file then would have it under the number of stdout, and its JSON in the recording."""
    script = 'exec "$@" <&- >&- 2>&-'
    words = [*command, str(lossless), *NETWORK, "--json", "--masks", "masks", "--out", "out.mkv"]
    done = subprocess.run(["sh", "-c", script, "-", *words], cwd=tmp_path, timeout=SECONDS)
    assert done.returncode == 0
    assert (tmp_path / "out.mkv").read_bytes().startswith(b"\x1aE\xdf\xa3")
    assert b'"frames"' not in (tmp_path / "out.mkv").read_bytes()
    assert len([*(tmp_path / "masks").iterdir()]) == 1
