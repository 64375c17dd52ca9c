from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.engines.card import Card, Driver


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    """The stand-in, in place of TensorRT, pycuda and the driver; plans are kept in `tmp_path`/cache."""
    made = Card()
    monkeypatch.setitem(sys.modules, "tensorrt", None)  # not installed
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", made.trt)
    monkeypatch.setitem(sys.modules, "pycuda", ModuleType("pycuda"))
    monkeypatch.setitem(sys.modules, "pycuda.driver", made.cuda)
    monkeypatch.setattr("edgeseg.engines._cuda_graph._load", lambda: Driver(made))
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    return made
