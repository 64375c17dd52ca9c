from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import onnx
import pytest

from edgeseg.engines.tensorrt.mask import SOURCES
from edgeseg.spec import Spec
from tests.engines.card import CUBIN, Card, Driver

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The CUDA kernels as C++, from the sources that the package carries."""
    compiler = shutil.which("c++") or shutil.which("g++")
    assert compiler is not None, "edgeseg is built with a C++ compiler, and tests need it too"
    library = tmp_path_factory.mktemp("kernels") / "launch.so"
    options = ["-std=c++17", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-I", str(SOURCES)]
    subprocess.run([compiler, *options, "-o", str(library), str(HERE / "launch.cpp")], check=True)
    return ctypes.CDLL(str(library))


@pytest.fixture
def nvcc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler on the path that "compiles" and notes how it was called, in the file beside it that is returned."""
    folder = tmp_path / "toolkit"
    folder.mkdir()
    calls = folder / "calls"
    cubin = folder / "cubin"
    cubin.write_bytes(CUBIN)
    program = folder / "nvcc"
    program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nwhile [ "$1" != -o ]; do shift; done\ncp {cubin} "$2"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return calls


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launcher: ctypes.CDLL, nvcc: Path) -> Card:
    """The stand-in, in place of TensorRT, pycuda and the driver; what is built is kept in `tmp_path`/cache."""
    del nvcc  # there for the engine to find
    made = Card(launcher)
    monkeypatch.setitem(sys.modules, "tensorrt", None)  # not installed
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", made.trt)
    monkeypatch.setitem(sys.modules, "pycuda", ModuleType("pycuda"))
    monkeypatch.setitem(sys.modules, "pycuda.driver", made.cuda)
    monkeypatch.setattr("edgeseg.engines.tensorrt.cuda_graph._load", lambda: Driver(made))
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    return made


@pytest.fixture
def model(tmp_path: Path, spec: Spec, make_model: Callable[..., onnx.ModelProto]) -> Path:
    """A small ONNX file that keeps `spec`."""
    path = tmp_path / "tiny.fp32.onnx"
    onnx.save(make_model(spec), path)
    return path
