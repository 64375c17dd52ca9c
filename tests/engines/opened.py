"""Steps that the tests of the TensorRT engine share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.cache import cache_folder
from edgeseg.engines import open_engine
from edgeseg.engines.tensorrt.engine import TensorRT
from edgeseg.spec import Spec


def opened(model: Path, spec: Spec) -> TensorRT:
    """The engine with a model, on whatever card the test has."""
    engine = open_engine("tensorrt", model, spec, threads=1)
    assert isinstance(engine, TensorRT)
    return engine


def frames(spec: Spec, count: int) -> list[NDArray[np.uint8]]:
    """Different tensors of the spec's size."""
    random = np.random.default_rng(5)
    return [random.integers(0, 256, (1, spec.height, spec.width, 3), np.uint8) for _ in range(count)]


def expected(model: Path, spec: Spec, tensors: list[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
    """What ONNX Runtime gives for them."""
    other = open_engine("onnxruntime", model, spec, threads=1)
    return [other.infer(tensor) for tensor in tensors]


def kept() -> Path:
    """The only plan in the cache."""
    (plan,) = cache_folder().glob("*.engine")
    return plan
