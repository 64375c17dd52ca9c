"""Images of odd sizes, strides and places: the C ABI refuses them, or answers right and writes nothing else."""

from __future__ import annotations

import ctypes
import os

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg import kernels
from tests.cpp.library import BUNDLE, FRAME, Library, RawImage

EXAMPLES = int(os.environ.get("EDGESEG_FUZZ", "300"))

ROOM = 1 << 16

sides = st.one_of(st.integers(1, 40), st.sampled_from([0, -1, -(2**31), 2**31 - 1, 2**20 + 1]))
strides = st.one_of(st.integers(0, 512), st.sampled_from([-1, -120, -(2**63), 2**40 + 1, 2**63 - 1]))
images = st.tuples(st.integers(0, ROOM // 2), sides, sides, strides)


def fits(image: tuple[int, int, int, int]) -> bool:
    _, width, height, stride = image
    return 1 <= width <= 40 and 1 <= height <= 40 and 3 * width <= stride <= 512


def share_bytes(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return bool(octets_of(a) & octets_of(b))


def octets_of(image: tuple[int, int, int, int]) -> set[int]:
    place, width, height, stride = image
    return {place + y * stride + x for y in range(height) for x in range(3 * width)}


@settings(max_examples=EXAMPLES)
@given(images, images, st.integers(0, 2**32 - 1))
def test_resize_of_any_images(
    library: Library, frame: tuple[int, int, int, int], canvas: tuple[int, int, int, int], seed: int
) -> None:
    memory = np.random.default_rng(seed).integers(0, 256, ROOM, np.uint8)
    before = memory.copy()
    address = memory.ctypes.data

    def raw(image: tuple[int, int, int, int]) -> RawImage:
        return (address + image[0], *image[1:])

    status = library.resize_raw(raw(frame), raw(canvas))
    if not fits(frame) or not fits(canvas) or share_bytes(frame, canvas):
        assert status == FRAME
        assert np.array_equal(memory, before)
        return
    if status == FRAME:  # rows that lie among each other, differently far apart, are refused too
        assert frame[3] != canvas[3]
        assert np.array_equal(memory, before)
        return
    assert status == 0
    (place, width, height, stride), (to, to_width, to_height, to_stride) = frame, canvas
    rows = np.lib.stride_tricks.as_strided(before[place:], (height, width, 3), (stride, 3, 1))
    expected = before.copy()
    out = np.lib.stride_tricks.as_strided(expected[to:], (to_height, to_width, 3), (to_stride, 3, 1))
    out[:] = kernels.resize(rows, to_width, to_height)
    assert np.array_equal(memory, expected)


def test_null_memory_is_refused(library: Library) -> None:
    assert library.resize_raw((0, 8, 8, 24), (0, 8, 8, 24)) == FRAME


def test_an_empty_name_is_no_bundle(library: Library) -> None:
    """It had meant the root folder."""
    assert library.calls.edgeseg_bundle_open(b"", ctypes.byref(ctypes.c_void_p())) == BUNDLE
    assert library.calls.edgeseg_error().startswith(b"the bundle's folder is \"\"")
