"""libedgeseg, built by `make cpp` or here, where a compiler, CMake and Debian's packages are."""

from __future__ import annotations

import os
import shutil
import subprocess
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.cpp.library import Bytes, Library

ROOT = Path(__file__).parents[2]
BUILD = ROOT / os.environ.get("EDGESEG_CPP_BUILD", "build/cpp")
"""`make hard` gives one with sanitizers, which is taken as it is."""


def package_folder(name: str) -> Path | None:
    """Where a Python package lies; it is not imported."""
    found = find_spec(name)
    return None if found is None or found.origin is None else Path(found.origin).parent


def run(*command: str | Path) -> str:
    """Runs a command; returns what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder that libedgeseg was built in."""
    if "EDGESEG_CPP_BUILD" in os.environ:
        return BUILD
    if not shutil.which("cmake") or not shutil.which("c++"):
        pytest.skip("libedgeseg needs cmake and a C++ compiler")
    openvino = package_folder("openvino")
    places = [] if openvino is None else [f"-DOpenVINO_DIR={openvino / 'cmake'}"]
    said = run("cmake", "-S", ROOT / "cpp_bridge", "-B", BUILD, *places)
    for line in said.splitlines():
        if "libedgeseg is left out" in line:
            pytest.skip(line.strip("- "))
    run("cmake", "--build", BUILD)
    return BUILD


@pytest.fixture(scope="session")
def library(built: Path) -> Library:
    """libedgeseg, with the Python package's ONNX Runtime."""
    package = package_folder("onnxruntime")
    for file in [] if package is None else package.glob("capi/libonnxruntime.so.*"):
        os.environ.setdefault("EDGESEG_ONNXRUNTIME", str(file))
    return Library(built / "libedgeseg.so")


@pytest.fixture(scope="session")
def street() -> Bytes:
    """A picture of a street, BGR."""
    frame = cv2.imread(str(ROOT / "docs/assets/street.jpg"))
    assert frame is not None
    return np.asarray(frame, np.uint8)


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
