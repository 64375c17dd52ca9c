"""edgeseg-run's reader of files."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.errors import SourceError
from tests.cpp.video.readers import SECONDS, Video, parsed


@pytest.fixture(scope="session")
def cpp(built: Path) -> Callable[..., Video]:
    """`cpp(path, threads)`: the same, by edgeseg-run's reader."""
    program = built / "edgeseg_frames"
    if not program.exists():
        pytest.skip("edgeseg-run was left out: it needs libavformat-dev and libswscale-dev")

    def read(path: Path, threads: int = 1) -> Video:
        done = subprocess.run([program, path, str(threads)], capture_output=True, timeout=SECONDS)
        if done.returncode == 1:
            raise SourceError(done.stderr.decode().strip())
        assert done.returncode == 0, done.stderr
        return parsed(done.stdout)

    return read
