"""What the kernels refuse, and how they say so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg import kernels
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


@pytest.mark.parametrize(("width", "height"), [(0, 1), (1, 0), (-1, 5)])
def test_empty_outputs(width: int, height: int) -> None:
    with pytest.raises(FrameError, match="at least 1x1"):
        kernels.argmax(VALUES, width, height)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.zeros((2, 3), np.uint8), r"expected \(3, 2\)"),
        (np.zeros((3, 2), np.int64), "int64"),
        (np.zeros((3, 4), np.uint8)[:, ::2], "gaps"),
        (np.broadcast_to(np.zeros((), np.uint8), (3, 2)), "read-only"),
    ],
)
def test_outputs_that_do_not_fit(out: Array, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        kernels.argmax(VALUES, 2, 3, out=out)


def test_margin_with_gaps_between_rows() -> None:
    with pytest.raises(FrameError, match="gaps between its rows"):
        kernels.margin(VALUES, 2, 3, out=np.zeros((3, 4), np.float32)[:, :2])


@pytest.mark.parametrize("alpha", [-0.1, 1.1, np.nan])
def test_alpha_outside_its_range(alpha: float) -> None:
    with pytest.raises(FrameError, match="from 0"):
        kernels.overlay(VALUES, FRAME, PALETTE, alpha)


@pytest.mark.parametrize("palette", [PALETTE[:1], PALETTE.T, PALETTE.astype(int)])
def test_palettes_that_do_not_fit(palette: Array) -> None:
    with pytest.raises(FrameError, match="palette"):
        kernels.overlay(VALUES, FRAME, palette)


def test_overlay_on_grey() -> None:
    with pytest.raises(FrameError, match=r"\(height, width, 3\)"):
        kernels.overlay(VALUES, FRAME[..., :1], PALETTE)


def test_blend_of_a_mask_of_another_size_or_class() -> None:
    with pytest.raises(FrameError, match="sizes equal"):
        kernels.blend(np.zeros((5, 4), np.uint8), FRAME, PALETTE)
    with pytest.raises(FrameError, match="class 7 in a mask and 2 colours"):
        kernels.blend(np.full((4, 5), 7, np.uint8), FRAME, PALETTE)
