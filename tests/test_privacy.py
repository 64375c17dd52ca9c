"""Nothing leaves the machine, and nothing is written outside outputs, cache and temporary folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgeseg.bundle import Bundle
from edgeseg.spec import Spec
from tests.commands.test_run_reconnect import descendants
from tests.privacy import LIFE
from tests.video.namespace import Loopback, free_port, wait_until

SCRIPT = Path(__file__).with_name("privacy.py")

CALLS = "socket,connect,bind,sendto,openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2"
CALLS += ",symlink,symlinkat,link,linkat"
ADDRESS = re.compile(r"(?:connect|bind|sendto)\(.*sa_family=AF_INET6?, sin6?_port=htons\((\d+)\)")
NETWORK = re.compile(r"socket\((AF_INET6?|AF_NETLINK|AF_PACKET)")
WRITTEN = re.compile(r"(?:open(?:at)?|creat)\(.*(?:O_WRONLY|O_RDWR|O_CREAT|creat\().* = \d+<([^>]*)>")
MADE = re.compile(r'(?:mkdir|rename|link)\w*\(.*"([^"]+)"[^"]*\) = 0')
HARMLESS = ("/dev/", "/proc/self/", "/proc/thread-self/", "/sys/fs/cgroup/")


@pytest.fixture
def trace(tmp_path: Path) -> list[str]:
    """The system calls of tests/privacy.py, one a line; everything that it may write lies below `tmp_path`."""
    if find_spec("torch") is None or find_spec("onnx") is None:
        pytest.skip("the extras train and export are not installed")
    # Not as a file, whose folder would be searched for modules: tests/triton is not the triton that torch looks for.
    with traced(tmp_path, "-c", SCRIPT.read_text(), str(tmp_path / "work")) as process:
        _, said = process.communicate(timeout=300)
    check(process, said)
    return lines(tmp_path)


@contextmanager
def traced(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Python under strace, at work in FOLDER/work."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    for name in ("home", "work", "temporary"):
        (folder / name).mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", "EDGESEG_CACHE")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)  # edgeseg is to say no by itself
    environment |= {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "temporary"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    options = ["-f", "--seccomp-bpf", "-y", "-s", "4096", "-e", f"trace={CALLS}", "-o", str(folder / "trace")]
    with subprocess.Popen(
        [strace, *options, sys.executable, *words],
        env=environment, cwd=folder / "work", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()  # which strace passes on


def check(process: subprocess.Popen[str], said: str) -> None:
    """Fails, or skips, unless the process has ended well."""
    if "ptrace" in said and process.returncode != 0:
        pytest.skip("strace may not trace here")
    assert process.returncode == 0, said


def lines(folder: Path) -> list[str]:
    """The system calls, one a line."""
    return (folder / "trace").read_text(errors="replace").splitlines()


def check_files(trace: list[str], tmp_path: Path) -> set[str]:
    """Fails where something was made outside the cache, the outputs and the temporary folder; what was written."""
    cache = str(tmp_path / "home/.cache")
    allowed = (f"{cache}/edgeseg", str(tmp_path / "work"), str(tmp_path / "temporary"), *HARMLESS)
    touched = {found[1] for pattern in (WRITTEN, MADE) for line in trace if (found := pattern.search(line))}
    outside = {path for path in touched if path.startswith("/") and not path.startswith(allowed)}
    assert sorted(outside - {cache}) == []  # which is made for edgeseg's
    assert {path.name for path in (tmp_path / "home").iterdir()} <= {".cache"}
    assert {path.name for path in (tmp_path / "home").glob(".cache/*")} <= {"edgeseg"}
    return touched


def test_nothing_leaves_and_nothing_lies_about(trace: list[str], tmp_path: Path) -> None:
    assert any("bundle.json" in line for line in trace)  # it did see the work
    assert [line for line in trace if NETWORK.search(line)] == []
    cache = str(tmp_path / "home/.cache/edgeseg")
    assert any(path.startswith(cache) for path in check_files(trace, tmp_path))


def test_a_service_speaks_with_its_cameras_alone(
    tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]
) -> None:
    """With page and recordings, for longer than the nine seconds after which ONNX Runtime's telemetry speaks."""
    (tmp_path / "work/gate").mkdir(parents=True)
    make_bundle(tmp_path / "work/tiny", spec)
    camera, page = free_port(), free_port()
    settings = f'bundle = "./tiny"\nengine = "onnxruntime"\nlisten = "127.0.0.1:{page}"\n'
    settings += f'[cameras.gate]\nsource = "http://127.0.0.1:{camera}"\n'
    settings += '[cameras.gate.recording]\nfolder = "gate"\nsegment_seconds = 2\n'
    (tmp_path / "work/cameras.toml").write_text(settings if find_spec("uvicorn") else settings.replace("listen", "#"))
    servers = Loopback()
    try:
        servers.start("mjpeg", camera)
        with traced(tmp_path, "-m", "edgeseg", "serve", "cameras.toml") as process:
            wait_until(lambda: process.poll() is not None or any((tmp_path / "work").glob("gate/*")), 120)
            time.sleep(LIFE)
            if process.poll() is None:
                (service,) = descendants(process.pid)
                os.kill(service, signal.SIGTERM)
            _, said = process.communicate(timeout=60)
    finally:
        servers.remove()
    check(process, said)
    trace = lines(tmp_path)
    assert any(f"htons({camera})" in line for line in trace)
    assert any((tmp_path / "work").glob("gate/*.mp4"))
    ports = [found[1] for line in trace if (found := ADDRESS.search(line))]
    assert set(ports) <= {str(camera), str(page)}, trace
    check_files(trace, tmp_path)


@pytest.mark.parametrize("variable", [None, "0", "1"])
def test_the_user_may_say_otherwise(variable: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    if variable is not None:
        environment["ORT_DISABLE_TELEMETRY"] = variable
    code = "import edgeseg.ort, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == (variable or "1")
