"""What edgeseg-run loads, and how much of the machine it takes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edgeseg.artifact import SHIPPED
from tests.cpp.run.process import SECONDS


def test_a_file_loads_no_opencv(program: Path) -> None:
    """Nor what FFmpeg's filters bring along: hundreds of libraries, which would double the memory."""
    loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    assert "libavformat" in loaded
    assert not re.search(r"opencv|gdal|gstreamer|avfilter", loaded)


def test_cameras_need_the_program_beside_it(program: Path, tmp_path: Path) -> None:
    for name in (program.name, "libedgeseg.so"):
        shutil.copy(program.with_name(name), tmp_path / name)
    command: list[str | Path] = [tmp_path / "edgeseg-run", "videotestsrc ! appsink", "--bundle", SHIPPED / "road-nano"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs edgeseg-run-opencv, which is not there" in done.stderr


def test_a_control_groups_share_is_counted(program: Path, lossless: Path, tmp_path: Path) -> None:
    """As in a container that may use one of its machine's cores."""
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    script = 'mount -t tmpfs none /sys/fs/cgroup && cp cpu.max /sys/fs/cgroup && exec "$@"'
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*unshare, "sh", "-c", script, "-", "true"], cwd=tmp_path).returncode
    ):
        pytest.skip("no mount of our own can be made here")
    options = ["--bundle", str(SHIPPED / "road-nano"), "--engine", "openvino", "--max-frames", "1", "--json"]
    command = [*unshare, "sh", "-c", script, "-", str(program), str(lossless), "--mode", "latency", *options]
    assert json.loads(subprocess.check_output(command, cwd=tmp_path, timeout=SECONDS))["threads"] == 1
