"""Child processes: what they inherit, and that none outlives its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from edgeseg.child_process import ending, start_child

SECONDS = 60.0

CHILD = """
import os, socket, time

def main(handle):
    with socket.socket(fileno=handle) as parent:
        parent.sendall(f"{os.getsid(0) == os.getpid()} {os.readlink('/proc/self/fd/1')}".encode())
        time.sleep(600)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "their_child.py").write_text(CHILD)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "their_child"


def test_a_child_has_a_session_of_its_own_and_our_modules(module: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = start_child(module, theirs.fileno())
        ours.settimeout(SECONDS)
        assert ours.recv(100) == b"True /dev/null"
        child.kill()
        assert ending(child, SECONDS) == "was ended by SIGKILL"


def test_a_child_dies_with_its_parent(module: str) -> None:
    ours, theirs = socket.socketpair()
    code = (
        f"import sys, time; sys.path[:] = {sys.path!r}; from edgeseg.child_process import start_child; "
        f"start_child({module!r}, {theirs.fileno()}); time.sleep(600)"
    )
    with ours:
        parent = subprocess.Popen([sys.executable, "-c", code], pass_fds=[theirs.fileno()])
        theirs.close()
        ours.settimeout(SECONDS)
        assert ours.recv(100)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert ours.recv(100) == b""  # its end of the socket went with it


def test_a_child_whose_parent_is_gone_does_not_begin() -> None:
    code = f"from edgeseg.child_process import end_with; end_with({os.getpid() + 1}); print('begun')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"")


def test_how_a_child_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    assert ending(child, SECONDS) == "ended with exit code 3"
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    assert ending(child, 0.01) == "cannot be ended"
    child.kill()
    child.wait()
