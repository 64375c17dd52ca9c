"""The memory of frames, masks and outputs: what overlaps, rows that lie apart, odd strides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeseg import _native, kernels
from edgeseg.errors import FrameError
from tests.test_kernels_refuse import FRAME, PALETTE, VALUES, Array


def test_no_output_lies_in_the_logits() -> None:
    values = np.arange(120, dtype=np.float32).reshape(2, 6, 10)
    memory = values.view(np.uint8).reshape(-1)
    out, picture, masks = memory[:12].reshape(3, 4), memory[:36].reshape(3, 4, 3), memory[:24].reshape(2, 3, 4)
    frame = np.zeros((3, 4, 3), np.uint8)
    for call in (
        lambda: kernels.argmax(values, 4, 3, out=out),
        lambda: kernels.argmax_unpruned(values, 4, 3, out=out),
        lambda: kernels.labels(values, 4, 3, out=masks),
        lambda: kernels.margin(values, 10, 6, out=values[1]),
        lambda: kernels.overlay(values, frame, PALETTE, out=picture),
        lambda: kernels.overlay(values, frame, PALETTE, mask=out),
    ):
        with pytest.raises(FrameError, match="overlaps the logits"):
            call()
    assert (values == np.arange(120, dtype=np.float32).reshape(2, 6, 10)).all()


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


def test_masks_and_frames_have_memory_of_their_own() -> None:
    whole = np.zeros((4, 5, 3), np.uint8)
    thin = np.lib.stride_tricks.as_strided(whole, (4, 5), (15, 1))
    with pytest.raises(FrameError, match="overlaps the frame"):
        kernels.overlay(VALUES, whole, PALETTE, mask=thin)
    with pytest.raises(FrameError, match="overlaps the mask"):
        kernels.overlay(VALUES, FRAME, PALETTE, out=whole, mask=thin)
    assert kernels.overlay(VALUES, whole, PALETTE, out=whole, mask=np.zeros((4, 5), np.uint8)) is whole
    others: list[Array] = [np.zeros((4, 6), np.uint8), np.zeros((4, 5), np.int8)]
    for mask in others:
        with pytest.raises(FrameError, match="got mask of shape"):
            kernels.overlay(VALUES, FRAME, PALETTE, mask=mask)


def test_the_same_place_with_other_rows_is_no_frame() -> None:
    """The output begins where the frame does, and each of its rows lies elsewhere."""
    whole = np.zeros((8, 5, 3), np.uint8)
    for frame, out in ((whole[:4], whole[::2]), (whole[::2], whole[:4])):
        with pytest.raises(FrameError, match="overlaps the frame"):
            kernels.blend(np.zeros((4, 5), np.uint8), frame, PALETTE, out=out)


def test_rows_of_an_output_may_lie_apart() -> None:
    """A single row has no distance; two rows in the same place are none."""
    row = np.lib.stride_tricks.as_strided(np.zeros(2, np.uint8), (1, 2), (0, 1))
    assert kernels.argmax(VALUES, 2, 1, out=row) is row
    apart = np.zeros((3, 9), np.uint8)[:, :2]
    assert kernels.argmax(VALUES, 2, 3, out=apart) is apart
    close = np.lib.stride_tricks.as_strided(np.zeros(9, np.uint8), (3, 2), (2, 1))
    assert kernels.argmax(VALUES, 2, 3, out=close) is close
    for step in (0, 1):
        with pytest.raises(FrameError, match="gaps within its rows"):
            kernels.argmax(VALUES, 2, 3, out=np.lib.stride_tricks.as_strided(np.zeros(9, np.uint8), (3, 2), (step, 1)))
    fixed = np.zeros((3, 2), np.uint8)
    fixed.flags.writeable = False
    with pytest.raises(FrameError, match="read-only"):
        kernels.argmax(VALUES, 2, 3, out=fixed)


def test_margin_with_gaps_between_rows() -> None:
    with pytest.raises(FrameError, match="gaps between its rows"):
        kernels.margin(VALUES, 2, 3, out=np.zeros((3, 4), np.float32)[:, :2])


def halves() -> tuple[Array, Array]:
    """Two images that overlap by a row."""
    whole = np.zeros((9, 5, 3), np.uint8)
    return whole[:5], whole[4:]


def test_outputs_that_overlap_inputs() -> None:
    above, below = halves()
    mask = np.zeros((5, 5), np.uint8)
    with pytest.raises(FrameError, match="overlaps the frame"):
        kernels.resize(above, 5, 5, out=below)
    with pytest.raises(FrameError, match="overlaps the frame"):
        kernels.blend(mask, above, PALETTE, out=below)
    for frame, out in ((above, below), (below, above)):
        with pytest.raises(FrameError, match="overlaps the frame"):
            kernels.overlay(VALUES, frame, PALETTE, out=out)
    with pytest.raises(FrameError, match="overlaps the mask"):
        kernels.blend(np.lib.stride_tricks.as_strided(below, (5, 5), (15, 1)), above.copy(), PALETTE, out=below)
    natives: list[Callable[[], object]] = [
        lambda: _native.resize(above, below),
        lambda: _native.blend(mask, above, PALETTE, 0.5, below),
        lambda: _native.overlay(VALUES, (0.0, 0.0, 3.0, 3.0), above, PALETTE, 0.5, below, None),
        lambda: _native.blend(np.lib.stride_tricks.as_strided(below, (5, 5), (15, 1)), above, PALETTE, 0.5, below),
    ]
    for native in natives:
        with pytest.raises(ValueError, match="overlaps an input"):
            native()


def test_the_frame_itself_and_its_neighbour_serve() -> None:
    whole = np.full((5, 10, 3), 100, np.uint8)
    mask = np.zeros((5, 5), np.uint8)
    expected = kernels.blend(mask, whole[:, :5], PALETTE)
    assert (kernels.blend(mask, whole[:, :5], PALETTE, out=whole[:, 5:]) == expected).all()
    assert (kernels.resize(whole[:, 5:], 5, 5, out=whole[:, :5]) == expected).all()
    same = whole[:, 5:].copy()
    assert (kernels.blend(mask, same, PALETTE, out=same) == kernels.blend(mask, expected, PALETTE)).all()


@pytest.mark.parametrize(
    "odd",
    [
        lambda frame: frame[::-1],
        lambda frame: frame[:, ::-1],
        lambda frame: frame[..., ::-1],
        lambda frame: np.broadcast_to(frame[:1], frame.shape),
    ],
)
def test_odd_strides(odd: Any) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (6, 7, 3), np.uint8)
    assert (kernels.resize(odd(frame), 3, 4) == kernels.resize(odd(frame).copy(), 3, 4)).all()
    with pytest.raises(ValueError, match="contiguous rows"):
        _native.resize(odd(frame), np.empty((4, 3, 3), np.uint8))
    if odd(frame).flags.writeable:
        with pytest.raises(FrameError, match="gaps"):
            kernels.resize(frame, 7, 6, out=odd(np.empty_like(frame)))
        with pytest.raises(ValueError, match="contiguous rows"):
            _native.resize(frame, odd(np.empty_like(frame)))
