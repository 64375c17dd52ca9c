"""Nothing leaves the machine, and nothing is written outside outputs, cache and temporary folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("privacy.py")

CALLS = "socket,openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,symlink,symlinkat,link,linkat"
NETWORK = re.compile(r"socket\((AF_INET6?|AF_NETLINK|AF_PACKET)")
WRITTEN = re.compile(r"(?:open(?:at)?|creat)\(.*(?:O_WRONLY|O_RDWR|O_CREAT|creat\().* = \d+<([^>]*)>")
MADE = re.compile(r'(?:mkdir|rename|link)\w*\(.*"([^"]+)"[^"]*\) = 0')
HARMLESS = ("/dev/", "/proc/self/", "/proc/thread-self/", "/sys/fs/cgroup/")


@pytest.fixture
def trace(tmp_path: Path) -> list[str]:
    """The system calls of tests/privacy.py, one a line; everything that it may write lies below `tmp_path`."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    if find_spec("torch") is None or find_spec("onnx") is None:
        pytest.skip("the extras train and export are not installed")
    for name in ("home", "work", "temporary"):
        (tmp_path / name).mkdir()
    log = tmp_path / "trace"
    environment = {name: value for name, value in os.environ.items() if name not in ("XDG_CACHE_HOME", "EDGESEG_CACHE")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)  # edgeseg is to say no by itself
    environment |= {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "temporary"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [strace, "-f", "--seccomp-bpf", "-y", "-s", "4096", "-e", f"trace={CALLS}", "-o", str(log)]
    result = subprocess.run(
        [*command, sys.executable, str(SCRIPT), str(tmp_path / "work")],
        env=environment, cwd=tmp_path / "work", capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if "ptrace" in result.stderr and result.returncode != 0:
        pytest.skip("strace may not trace here")
    assert result.returncode == 0, result.stderr
    return log.read_text(errors="replace").splitlines()


def test_nothing_leaves_and_nothing_lies_about(trace: list[str], tmp_path: Path) -> None:
    assert any("bundle.json" in line for line in trace)  # it did see the work
    assert [line for line in trace if NETWORK.search(line)] == []
    cache = tmp_path / "home/.cache/edgeseg"
    allowed = (str(cache), str(tmp_path / "work"), str(tmp_path / "temporary"), *HARMLESS)
    touched = {found[1] for pattern in (WRITTEN, MADE) for line in trace if (found := pattern.search(line))}
    assert any(path.startswith(str(cache)) for path in touched)
    assert sorted(path for path in touched if path.startswith("/") and not path.startswith(allowed)) == [
        str(tmp_path / "home/.cache")  # made for the cache
    ]
    assert [path.name for path in (tmp_path / "home").iterdir()] == [".cache"]
    assert [path.name for path in (tmp_path / "home/.cache").iterdir()] == ["edgeseg"]


@pytest.mark.parametrize("variable", [None, "0", "1"])
def test_the_user_may_say_otherwise(variable: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    if variable is not None:
        environment["ORT_DISABLE_TELEMETRY"] = variable
    code = "import edgeseg.ort, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == (variable or "1")
