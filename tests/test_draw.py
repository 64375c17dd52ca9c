"""Masks in colour, and legends."""

from __future__ import annotations

import numpy as np
import pytest

from edgeseg.draw import beside, colorize, legend
from edgeseg.errors import FrameError

PALETTE = np.array([(1, 2, 3), (250, 0, 0), (0, 200, 100)], np.uint8)


def test_colorize() -> None:
    mask = np.array([[0, 1], [2, 255]], np.uint8)
    assert colorize(mask, PALETTE).tolist() == [[[1, 2, 3], [250, 0, 0]], [[0, 200, 100], [0, 0, 0]]]


@pytest.mark.parametrize("mask", [np.zeros((2, 2), np.int64), np.zeros((1, 2, 2), np.uint8)])
def test_colorize_wants_a_mask(mask: np.ndarray) -> None:
    with pytest.raises(FrameError, match="expected uint8"):
        colorize(mask, PALETTE)


@pytest.mark.parametrize("height", [20, 100, 540])
def test_legend_shows_every_class(height: int) -> None:
    picture = legend(["road", "car", "a long name"], PALETTE, height)
    assert picture.shape[0] == height
    assert picture.dtype == np.uint8
    for colour in PALETTE:
        assert (picture == colour).all(axis=2).any()
    frame = np.zeros((height, 30, 3), np.uint8)
    assert beside(frame, picture).shape == (height, 30 + picture.shape[1], 3)


def test_legend_names_take_room() -> None:
    assert (
        legend(["a", "b", "a much longer name"], PALETTE, 90).shape[1] > legend(["a", "b", "c"], PALETTE, 90).shape[1]
    )
