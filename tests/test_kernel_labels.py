"""The kernels of labels that may overlap, against NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg import _native, kernels
from edgeseg.errors import FrameError
from tests.test_kernels import frames, interpolated, logits, rects, seeds, sizes, thorough

Array = NDArray[Any]

FRAME = np.zeros((4, 5, 3), np.uint8)
MASKS = np.ones((2, 4, 5), np.uint8)
PALETTE = np.zeros((2, 3), np.uint8)


@pytest.fixture(scope="module", params=_native.instruction_sets(), autouse=True)
def _instruction_set(request: pytest.FixtureRequest) -> Iterator[None]:
    before = _native.instruction_set()
    _native.set_instruction_set(request.param)
    yield
    _native.set_instruction_set(before)


@thorough
@given(st.data(), logits(), sizes, sizes)
def test_each_label_is_cut_at_0(data: st.DataObject, values: Array, width: int, height: int) -> None:
    rect = data.draw(rects(values))
    masks = kernels.labels(values, width, height, rect)
    assert masks.shape == (len(values), height, width)
    assert masks.dtype == np.uint8
    for plane, mask in zip(values, masks, strict=True):
        _, exact = interpolated(plane[None], width, height, rect, np.float32)
        assert np.array_equal(mask, exact > 0)
        assert np.array_equal(mask, kernels.argmax(plane[None], width, height, rect))


@thorough
@given(frames(st.just(3)), st.floats(0, 1), st.integers(1, 255), seeds)
def test_colours_are_the_mean_of_the_labels_there(frame: Array, alpha: float, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    palette = random.integers(0, 256, (count + 1, 3), dtype=np.uint8)
    masks = (random.random((count, *frame.shape[:2])) < random.random()).astype(np.uint8)
    there = masks.sum(axis=0, dtype=int)[..., None]
    sums = np.tensordot(masks.astype(int), palette[:count].astype(int), axes=(0, 0))
    colours = (sums + there // 2) // np.maximum(there, 1)
    a = int(np.floor(256 * alpha + 0.5))
    expected = np.where(there > 0, (frame.astype(int) * (256 - a) + colours * a + 128) >> 8, frame)
    painted = kernels.blend_labels(masks, frame, palette, alpha)
    assert np.array_equal(painted, expected)
    assert np.array_equal(kernels.blend_labels(255 * masks, frame, palette, alpha), expected)
    copy = frame.copy()
    kernels.blend_labels(masks, copy, palette, alpha, out=copy)
    assert np.array_equal(copy, expected)


def test_one_label_is_painted_as_one_class_is() -> None:
    random = np.random.default_rng(0)
    frame = random.integers(0, 256, (37, 53, 3), dtype=np.uint8)
    palette = random.integers(0, 256, (1, 3), dtype=np.uint8)
    mask = np.ones((37, 53), np.uint8)
    assert np.array_equal(kernels.blend_labels(mask[None], frame, palette), kernels.blend(0 * mask, frame, palette))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nothing_is_written_of_what_is_not_finite(bad: float) -> None:
    values = np.zeros((3, 7, 13), np.float32)
    values[2, 6, 12] = bad
    out = np.full((3, 5, 5), 9, np.uint8)
    with pytest.raises(FrameError, match="logits hold NaN or infinity"):
        kernels.labels(values, 5, 5, out=out)
    assert (out == 9).all()


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty((4, 5), np.uint8), r"expected \(2, 4, 5\)"),
        (np.empty((3, 4, 5), np.uint8), r"expected \(2, 4, 5\)"),
        (np.empty((2, 4, 5), bool), "bool"),
        (np.empty((2, 4, 6), np.uint8)[..., :5], "gaps within"),
        (np.empty((2, 8, 5), np.uint8)[:, :4], "gaps between"),
    ],
)
def test_labels_into_no_memory_for_them(out: Array, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        kernels.labels(np.zeros((2, 3, 3), np.float32), 5, 4, out=out)


@pytest.mark.parametrize(
    ("masks", "palette", "alpha", "message"),
    [
        (MASKS[0], PALETTE, 0.5, r"masks of shape \(4, 5\)"),
        (MASKS[:, :3], PALETTE, 0.5, r"masks of shape \(2, 3, 5\)"),
        (np.zeros((2, 5, 5), np.uint8), PALETTE, 0.5, r"masks of shape \(2, 5, 5\)"),
        (MASKS.astype(bool), PALETTE, 0.5, "bool"),
        (np.zeros((256, 4, 5), np.uint8), PALETTE, 0.5, "at most 255"),
        (MASKS, PALETTE[:1], 0.5, "2 or more"),
        (MASKS, PALETTE, 1.5, "alpha 1.5"),
    ],
)
def test_blend_of_no_labels(masks: Array, palette: Array, alpha: float, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        kernels.blend_labels(masks, FRAME, palette, alpha)


def test_an_overlay_over_its_masks_is_refused() -> None:
    memory = np.zeros((3, 4, 5), np.uint8)
    with pytest.raises(FrameError, match="overlaps the masks"):
        kernels.blend_labels(memory, FRAME, np.zeros((3, 3), np.uint8), out=memory.reshape(4, 5, 3))
