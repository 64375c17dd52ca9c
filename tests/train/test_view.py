from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.train.augment import Augmentation
from edgeseg.train.view import View, look

WHOLE = View(0.0, 1 / 7, 0.0, 1 / 5)
IGNORE = 255


def bilinear(image: np.ndarray, x: float, y: float) -> float:
    """The value at a position of an image (H, W) that counts pixels from its corner, middles at a half, in float64."""
    x, y = (np.clip(at - 0.5, 0, size - 1) for at, size in ((x, image.shape[1]), (y, image.shape[0])))
    left, top = int(x), int(y)
    right, bottom = min(left + 1, image.shape[1] - 1), min(top + 1, image.shape[0] - 1)
    upper = image[top, left] + (x - left) * (image[top, right] - image[top, left])
    lower = image[bottom, left] + (x - left) * (image[bottom, right] - image[bottom, left])
    return float(upper + (y - top) * (lower - upper))


def test_a_grid_over_the_whole_picture_sees_it_as_it_is() -> None:
    maps = torch.randn(2, 3, 5, 7)
    assert torch.allclose(look(maps, [WHOLE, WHOLE], 7, 5), maps, atol=1e-5)


def test_a_negative_step_sees_the_mirror_image() -> None:
    maps = torch.randn(1, 3, 5, 7)
    mirrored = WHOLE._replace(left=1.0, across=-1 / 7)
    assert torch.allclose(look(maps, [mirrored], 7, 5), maps.flip(3), atol=1e-5)


@given(
    seed=st.integers(0, 2**32),
    left=st.floats(-0.5, 1.0),
    across=st.floats(-0.2, 0.2),
    top=st.floats(-0.5, 1.0),
    down=st.floats(0.01, 0.3),
)
def test_values_are_those_between_the_pixels(seed: int, left: float, across: float, top: float, down: float) -> None:
    image = np.random.default_rng(seed).normal(size=(5, 7))
    seen = look(torch.from_numpy(image)[None, None], [View(left, across, top, down)], 4, 3)[0, 0].numpy()
    for row, column in np.ndindex(3, 4):
        x, y = (left + across * (column + 0.5)) * 7, (top + down * (row + 0.5)) * 5
        assert seen[row, column] == pytest.approx(bilinear(image, x, y), abs=1e-6)


@given(
    seed=st.integers(0, 2**32),
    scale=st.sampled_from([(1.0, 1.0), (2.0, 2.0), (0.5, 0.5), (0.7, 1.7)]),
    crop=st.tuples(st.integers(17, 90), st.integers(17, 90)),
)
def test_what_is_known_of_a_picture_moves_with_its_crops(
    seed: int, scale: tuple[float, float], crop: tuple[int, int]
) -> None:
    """The view is taken by torch, the label is moved by OpenCV: both show the same classes but for their borders."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 3, (4, 5), dtype=np.uint8)
    label = np.kron(blocks, np.ones((16, 16), np.uint8))
    augment = Augmentation(*crop, scale, 0.0, 0.0, np.ones(3), IGNORE)
    moved = augment(np.zeros((*label.shape, 3), np.uint8), label, random)
    one_hot = torch.from_numpy((label == np.arange(3)[:, None, None]).astype(np.float32))[None]
    seen = look(one_hot, [moved.view], *crop).argmax(1)[0].numpy()
    framed = cv2.copyMakeBorder(moved.label, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=(IGNORE,))
    around = np.ones((7, 7), np.uint8)
    alike = (cv2.erode(framed, around) == cv2.dilate(framed, around))[3:-3, 3:-3]
    inner = alike & (moved.label != IGNORE)
    assert np.array_equal(seen[inner], moved.label[inner])
    coarse = look(one_hot, [moved.view.coarser(2)], -(-crop[0] // 2), -(-crop[1] // 2)).argmax(1)[0].numpy()
    coarse = coarse.repeat(2, 0).repeat(2, 1)[: crop[1], : crop[0]]
    assert np.array_equal(coarse[inner], moved.label[inner])
