"""What the kernels refuse, and how they say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg import _native, kernels
from edgeseg.errors import FrameError
from edgeseg.spec import Rect

Array = NDArray[Any]

FRAME = np.zeros((4, 5, 3), np.uint8)
VALUES = np.zeros((2, 3, 3), np.float32)
PALETTE = np.zeros((2, 3), np.uint8)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (None, "NoneType"),
        (FRAME[..., 0], r"shape \(4, 5\)"),
        (FRAME.astype(np.float32), "float32"),
        (FRAME[:0], r"shape \(0, 5, 3\)"),
        (np.zeros((4, 5, 5), np.uint8), r"1 to 4 channels"),
    ],
)
def test_resize_of_no_frame(frame: Array, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        kernels.resize(frame, 2, 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (VALUES.astype(np.float64), "float64"),
        (VALUES[0], r"shape \(3, 3\)"),
        (np.stack([VALUES, VALUES]), "of one frame"),
        (VALUES[:, :0], r"\(2, 0, 3\)"),
        (np.zeros((256, 1, 1), np.float32), "256 classes"),
    ],
)
def test_argmax_of_no_logits(values: Array, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        kernels.argmax(values, 2, 2)


@pytest.mark.parametrize("rect", [Rect(0, 0, 0, 1), Rect(0, 0, 1, -1), Rect(np.nan, 0, 1, 1)])
def test_empty_rects(rect: Rect) -> None:
    with pytest.raises(FrameError, match="above 0"):
        kernels.argmax(VALUES, 2, 2, rect)


@pytest.mark.parametrize("rect", [(0, 0, 1, 1), [0, 0, 1, 1], 1.0])
def test_rects_of_another_kind(rect: Any) -> None:
    with pytest.raises(FrameError, match=r"got the rectangle .*, expected a Rect\(x, y, width, height\)"):
        kernels.argmax(VALUES, 2, 2, rect)


@pytest.mark.parametrize(("width", "height"), [(2.5, 2), (2, 2.0), ("2", 2), (None, 2)])
def test_sizes_that_are_no_whole_numbers(width: Any, height: Any) -> None:
    with pytest.raises(FrameError, match=f"got an output of {width}x{height} pixels, expected whole numbers"):
        kernels.resize(FRAME, width, height)
    assert kernels.resize(FRAME, np.int64(2), np.uint8(2)).shape == (2, 2, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("alpha", ["0.5", None, np.full(2, 0.5)])
def test_alphas_that_are_no_numbers(alpha: Any) -> None:
    with pytest.raises(FrameError, match="got alpha"):
        kernels.overlay(VALUES, FRAME, PALETTE, alpha)


@pytest.mark.parametrize(("width", "height"), [(0, 1), (1, 0), (-1, 5)])
def test_empty_outputs(width: int, height: int) -> None:
    with pytest.raises(FrameError, match="at least 1x1"):
        kernels.argmax(VALUES, width, height)


LONGEST = 2**20
"""Pixels of a side."""


def test_sides_have_an_end() -> None:
    """The longest serve, one more is refused: of results, width and height, and of frames."""
    assert kernels.argmax(VALUES, LONGEST, 1).shape == (1, LONGEST)
    assert kernels.argmax(VALUES, 1, LONGEST).shape == (LONGEST, 1)
    for width, height in ((LONGEST + 1, 1), (1, LONGEST + 1)):
        with pytest.raises(FrameError, match=f"got an output of {width}x{height} pixels"):
            kernels.argmax(VALUES, width, height)
    assert kernels.resize(np.zeros((1, LONGEST, 1), np.uint8), 2, 1).shape == (1, 2, 1)
    assert kernels.resize(np.zeros((LONGEST, 1, 1), np.uint8), 2, 1).shape == (1, 2, 1)
    for shape in ((1, LONGEST + 1, 1), (LONGEST + 1, 1, 1)):
        with pytest.raises(FrameError, match="got a frame of shape"):
            kernels.resize(np.zeros(shape, np.uint8), 2, 1)


@pytest.mark.parametrize("shape", [(5,), (1, 4, 5, 3), ()])
def test_frames_have_two_or_three_axes(shape: tuple[int, ...]) -> None:
    with pytest.raises(FrameError, match="got a frame of shape"):
        kernels.resize(np.zeros(shape, np.uint8), 2, 2)
    with pytest.raises(FrameError, match="got a mask of shape"):
        kernels.blend(np.zeros(shape, np.uint8), FRAME, PALETTE)


def test_as_many_classes_as_a_mask_can_hold() -> None:
    values = np.arange(255, dtype=np.float32).reshape(255, 1, 1)
    assert kernels.argmax(values, 1, 1) == 254


def test_a_rect_may_be_small_and_lie_anywhere_finite() -> None:
    assert kernels.argmax(VALUES, 2, 2, Rect(-1e3, 1e3, 1e-6, 1e-6)).shape == (2, 2)
    for number in range(4):
        for bad in (np.inf, -np.inf, np.nan):
            numbers = [0.0, 0.0, 1.0, 1.0]
            numbers[number] = bad
            with pytest.raises(FrameError, match="expected finite numbers"):
                kernels.argmax(VALUES, 2, 2, Rect(*numbers))


def test_all_logits_are_covered_where_no_rect_is_given() -> None:
    values = np.random.default_rng(1).normal(size=(3, 4, 7)).astype(np.float32)
    assert (kernels.argmax(values, 50, 30) == kernels.argmax(values, 50, 30, Rect(0.0, 0.0, 7.0, 4.0))).all()


def test_one_channel_needs_two_colours() -> None:
    one = np.ones((1, 3, 3), np.float32)
    assert kernels.overlay(one, FRAME, PALETTE).shape == FRAME.shape
    with pytest.raises(FrameError, match=r"expected uint8 \(2 or more, 3\)"):
        kernels.overlay(one, FRAME, PALETTE[:1])
    with pytest.raises(FrameError, match=r"expected uint8 \(3 or more, 3\)"):
        kernels.overlay(np.ones((3, 3, 3), np.float32), FRAME, PALETTE)
    zeros = np.zeros(FRAME.shape[:2], np.uint8)
    assert kernels.blend(zeros, FRAME, PALETTE[:1]).shape == FRAME.shape
    with pytest.raises(FrameError, match=r"expected uint8 \(1 or more, 3\)"):
        kernels.blend(zeros, FRAME, PALETTE[:0])


def test_palettes_have_three_columns() -> None:
    for palette in (np.zeros((2, 4), np.uint8), np.zeros(6, np.uint8), np.zeros((2, 3, 1), np.uint8)):
        with pytest.raises(FrameError, match="got a palette of shape"):
            kernels.overlay(VALUES, FRAME, palette)
    wide = np.arange(12, dtype=np.uint8).reshape(2, 6)
    expected = kernels.overlay(VALUES, FRAME, wide[:, ::2].copy(), 1)
    assert (kernels.overlay(VALUES, FRAME, wide[:, ::2], 1) == expected).all()


def test_colours_cover_a_half_where_nothing_is_said() -> None:
    mask = np.zeros(FRAME.shape[:2], np.uint8)
    palette = PALETTE + np.uint8(200)
    assert (kernels.blend(mask, FRAME, palette) == 100).all()
    assert (kernels.overlay(VALUES, FRAME, palette) == 100).all()
    assert (kernels.blend(mask, FRAME, palette, 0) == 0).all()
    assert (kernels.blend(mask, FRAME, palette, 1) == 200).all()


def test_logits_may_have_an_axis_for_one_frame() -> None:
    values = np.random.default_rng(0).normal(size=(1, 3, 4, 5)).astype(np.float32)
    assert (kernels.margin(values, 9, 7) == kernels.margin(values[0], 9, 7)).all()
    for shape in ((2, 3, 4, 5), (0, 3, 4, 5), (1, 1, 3, 4, 5), (1, 0, 4, 5), (1, 3, 4, 0)):
        with pytest.raises(FrameError, match="got logits of shape"):
            kernels.margin(np.zeros(shape, np.float32), 9, 7)
    with pytest.raises(FrameError, match="256 classes, expected 1 to 255"):
        kernels.margin(np.zeros((1, 256, 1, 1), np.float32), 9, 7)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, np.nan])
def test_alpha_outside_its_range(alpha: float) -> None:
    with pytest.raises(FrameError, match="from 0"):
        kernels.overlay(VALUES, FRAME, PALETTE, alpha)


@pytest.mark.parametrize("palette", [PALETTE[:1], PALETTE.T, PALETTE.astype(int), PALETTE.astype(np.int8)])
def test_palettes_that_do_not_fit(palette: Array) -> None:
    with pytest.raises(FrameError, match="palette"):
        kernels.overlay(VALUES, FRAME, palette)


def test_overlay_on_grey() -> None:
    with pytest.raises(FrameError, match=r"\(height, width, 3\)"):
        kernels.overlay(VALUES, FRAME[..., :1], PALETTE)


def test_blend_of_a_mask_of_another_size_or_class() -> None:
    with pytest.raises(FrameError, match="sizes equal"):
        kernels.blend(np.zeros((5, 4), np.uint8), FRAME, PALETTE)
    for shape in ((4, 4), (3, 5), (4, 6), (5, 5)):
        with pytest.raises(FrameError, match="sizes equal"):
            kernels.blend(np.zeros(shape, np.uint8), FRAME, PALETTE)
    with pytest.raises(FrameError, match="class 7 in a mask and 2 colours"):
        kernels.blend(np.full((4, 5), 7, np.uint8), FRAME, PALETTE)


def test_sides_that_no_32_bits_hold() -> None:
    wide = np.broadcast_to(np.zeros((1, 1, 1), np.uint8), (1, 2**31 + 1, 1))
    with pytest.raises(FrameError, match="got a frame of shape"):
        kernels.resize(wide, 2, 2)
    with pytest.raises(ValueError, match="sides of 1 to"):
        _native.resize(wide, np.empty((2, 2, 1), np.uint8))
    with pytest.raises(ValueError, match="sides of 1 to"):
        _native.resize(FRAME[:0], np.empty((2, 2, 3), np.uint8))
    with pytest.raises(FrameError, match="at most 1048576 a side"):
        kernels.argmax(VALUES, 2**31, 1)


@pytest.mark.parametrize("other", [None, [[1]], "text", 3])
def test_what_is_no_array(other: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: kernels.argmax(other, 2, 2),
        lambda: kernels.overlay(VALUES, other, PALETTE),
        lambda: kernels.overlay(VALUES, FRAME, other),
        lambda: kernels.blend(other, FRAME, PALETTE),
    ]
    for call in calls:
        with pytest.raises(FrameError, match="expected a NumPy array"):
            call()
    with pytest.raises(TypeError):
        _native.resize(other, FRAME)
    if other is not None:
        with pytest.raises(FrameError, match="expected a NumPy array"):
            kernels.argmax(VALUES, 2, 2, out=other)
