"""edgeseg-run, a video for it, and servers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeseg.artifact import SHIPPED
from tests.cpp.library import Library
from tests.cpp.run.process import Start
from tests.processes import processes
from tests.video.namespace import Loopback


@pytest.fixture(scope="session")
def program(built: Path, library: Library) -> Path:
    path = built / "edgeseg-run"
    if not path.exists():
        pytest.skip("edgeseg-run was left out: it needs libavformat-dev and libswscale-dev")
    if "openvino" not in library.engines():
        pytest.skip("libedgeseg was built without openvino")
    return path


@pytest.fixture
def start(program: Path, tmp_path: Path) -> Iterator[Start]:
    """`start(source, ...)`: edgeseg-run as a process."""
    with processes() as started:

        def run(*arguments: object) -> subprocess.Popen[str]:
            common = ["--bundle", SHIPPED / "road-nano", "--engine", "openvino", "--precision", "fp32", "--json"]
            # Signals that whoever started the tests ignores would stay ignored.
            command = [str(word) for word in ("env", "--default-signal=INT,TERM,HUP", program, *arguments, *common)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
            started.append(process)
            return process

        yield run


@pytest.fixture
def servers() -> Iterator[Loopback]:
    loopback = Loopback()
    yield loopback
    loopback.remove()
