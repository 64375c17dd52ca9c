from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg.train.augment import FILL, Augmentation, jitter

IGNORE = 255


def scene(width: int, height: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A frame whose grey level is 40 times its label, in blocks of 8 pixels."""
    blocks = np.random.default_rng(seed).integers(0, 4, (-(-height // 8), -(-width // 8)), dtype=np.uint8)
    label = np.ascontiguousarray(np.kron(blocks, np.ones((8, 8), np.uint8))[:height, :width])
    return np.repeat((label * 40)[..., None], 3, axis=2), label


def augmentation(width: int, height: int, scale: tuple[float, float], focus: float = 0.0) -> Augmentation:
    return Augmentation(width, height, scale, 0.0, focus, np.array([0.0, 0.0, 0.0, 1.0]), IGNORE)


@given(
    size=st.tuples(st.integers(16, 90), st.integers(16, 90)),
    crop=st.tuples(st.integers(8, 100), st.integers(8, 100)),
    seed=st.integers(0, 2**32),
)
def test_frame_and_label_move_together(size: tuple[int, int], crop: tuple[int, int], seed: int) -> None:
    frame, label = scene(*size, seed)
    moved, moved_label, _ = augmentation(*crop, (1.0, 1.0))(frame, label, np.random.default_rng(seed))
    assert moved.shape == (crop[1], crop[0], 3)
    assert moved_label.shape == (crop[1], crop[0])
    inside = moved_label != IGNORE
    assert (moved[inside] == moved_label[inside][:, None] * 40).all()
    assert (moved[~inside] == FILL).all()
    assert inside.sum() == min(size[0], crop[0]) * min(size[1], crop[1])


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_scaled_labels_stay_under_their_pixels(scale: float) -> None:
    frame, label = scene(96, 96, 1)
    moved, moved_label, _ = augmentation(96, 96, (scale, scale))(frame, label, np.random.default_rng(0))
    inside = moved_label != IGNORE
    apart = np.abs(moved[..., 0].astype(int) - moved_label * 40.0)[inside]
    assert (apart <= 20).mean() > 0.85  # only the blend at the borders of blocks differs


def test_focus_finds_the_rare_class() -> None:
    frame, label = scene(64, 64, 2)
    label[label == 3] = 0
    label[50, 3] = 3
    crops = augmentation(16, 16, (1.0, 1.0), focus=1.0)
    assert all((crops(frame, label, np.random.default_rng(seed))[1] == 3).any() for seed in range(20))


def test_same_generator_same_sample() -> None:
    frame, label = scene(64, 48, 3)
    crops = Augmentation(32, 32, (0.5, 2.0), 1.0, 0.5, np.ones(4), IGNORE)
    first, second = (crops(frame, label, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_jitter_changes_colours_only_when_asked() -> None:
    frame, _ = scene(32, 32, 4)
    assert np.array_equal(jitter(frame, 0.0, np.random.default_rng(0)), frame)
    assert not np.array_equal(jitter(frame, 1.0, np.random.default_rng(0)), frame)
