"""edgeseg-run, a video for it, and servers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edgeseg.artifact import SHIPPED
from tests.cpp.conftest import ROOT
from tests.cpp.library import Library
from tests.cpp.run.process import Start
from tests.video.namespace import Loopback


@pytest.fixture(scope="session")
def program(built: Path, library: Library) -> Path:
    path = built / "edgeseg-run"
    if not path.exists():
        pytest.skip("edgeseg-run was left out: it needs libavformat-dev and libswscale-dev")
    if "openvino" not in library.engines():
        pytest.skip("libedgeseg was built without openvino")
    return path


@pytest.fixture(scope="session")
def lossless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that every decoder gives alike: RGB without loss, of a street that moves."""
    street = cv2.imread(str(ROOT / "docs/assets/street.jpg"))
    assert street is not None
    path = tmp_path_factory.mktemp("lossless") / "street.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 480, 270, "bgr0"
        for number in range(7):
            image = np.asarray(cv2.resize(np.roll(street, 20 * number, 1), (480, 270)), np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, "bgr24").reformat(format="bgr0")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.fixture
def start(program: Path, tmp_path: Path) -> Iterator[Start]:
    """`start(source, ...)`: edgeseg-run as a process."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object) -> subprocess.Popen[str]:
        common = ["--bundle", SHIPPED / "road-nano", "--engine", "openvino", "--precision", "fp32", "--json"]
        # Signals that whoever started the tests ignores would stay ignored.
        command = [str(word) for word in ("env", "--default-signal=INT,TERM,HUP", program, *arguments, *common)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def servers() -> Iterator[Loopback]:
    loopback = Loopback()
    yield loopback
    loopback.remove()
