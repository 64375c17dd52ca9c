"""C++ and Python give the same bits: through the C ABI, and by vectors that OpenCV and NumPy made."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeseg import kernels
from edgeseg.spec import Rect
from tests.cpp.library import Library
from tests.cpp.vectors import VECTORS, vectors

sizes = st.integers(1, 70)
seeds = st.integers(0, 2**32 - 1)


def test_the_vectors_are_what_opencv_and_numpy_give() -> None:
    assert json.loads(VECTORS.read_text()) == json.loads(json.dumps(vectors()))


@given(sizes, sizes, sizes, sizes, st.integers(0, 5), seeds)
def test_resize(library: Library, width: int, height: int, to_width: int, to_height: int, gap: int, seed: int) -> None:
    whole = np.random.default_rng(seed).integers(0, 256, (height, width + gap, 3), np.uint8)
    frame = whole[:, :width]
    expected = kernels.resize(frame, to_width, to_height)
    assert np.array_equal(library.resize(frame, to_width, to_height), expected)


@given(st.integers(1, 20), sizes, sizes, sizes, sizes, st.floats(-3, 3), st.floats(0.1, 80), seeds)
def test_argmax(
    library: Library, classes: int, rows: int, columns: int, width: int, height: int, x: float, extent: float, seed: int
) -> None:
    logits = np.random.default_rng(seed).normal(size=(classes, rows, columns)).astype(np.float32)
    rect = Rect(x, 0, extent, rows)
    assert np.array_equal(library.argmax(logits, width, height, rect), kernels.argmax(logits, width, height, rect=rect))
