"""Paste of rare classes and ClassMix: what is put over a crop, and that a batch is as before without them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeseg.accuracy.dataset import Dataset
from edgeseg.train.augment import Crop
from edgeseg.train.class_mix import pixels_of_half_the_classes
from edgeseg.train.data import VOID, TrainingSet, put_over
from edgeseg.train.paste import RARE, rare_classes, rare_pixels
from edgeseg.train.settings import TrainSettings
from edgeseg.train.view import View

LABELS = hnp.arrays(np.uint8, (5, 7), elements=st.sampled_from([0, 1, 2, 3, VOID]))
SETTINGS = TrainSettings(batch=2, scale="1,1", colour=0.0, focus=0.0)
ROAD, POLE = 0, 1


def test_rare_are_classes_with_a_small_share_that_occur() -> None:
    assert rare_classes(np.array([0.9, 0.0, RARE / 2, 0.1 - RARE / 2])).tolist() == [2]


@given(label=LABELS)
def test_rare_pixels_are_those_of_rare_classes(label: np.ndarray) -> None:
    assert np.array_equal(rare_pixels(label, np.array([1, 3])), (label == 1) | (label == 3))


@given(label=LABELS, seed=st.integers(0, 2**32))
def test_class_mix_draws_half_of_the_classes_whole(label: np.ndarray, seed: int) -> None:
    pixels = pixels_of_half_the_classes(label, 4, np.random.default_rng(seed))
    drawn = set(label[pixels].tolist())
    present = set(label[label != VOID].tolist())
    assert len(drawn) == (len(present) + 1) // 2
    assert drawn <= present
    assert drawn.isdisjoint(label[~pixels].tolist())


@given(seed=st.integers(0, 2**32))
def test_put_over_takes_frame_and_label_at_the_same_pixels(seed: int) -> None:
    random = np.random.default_rng(seed)
    crop, donor = (
        Crop(random.integers(0, 256, (4, 5, 3), np.uint8), random.integers(0, 3, (4, 5)).astype(np.uint8), view)
        for view in (View(0.0, 0.2, 0.0, 0.25), View(0.5, 0.1, 0.5, 0.1))
    )
    pixels = random.random((4, 5)) < 0.5
    frame, label, view = put_over(crop, donor, pixels)
    assert frame.dtype == label.dtype == np.uint8
    assert np.array_equal(frame[pixels], donor.frame[pixels])
    assert np.array_equal(frame[~pixels], crop.frame[~pixels])
    assert np.array_equal(label, np.where(pixels, donor.label, crop.label))
    assert view == crop.view


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """Four pictures of road, of which one has a pole, two pixels wide and white."""
    for kind in ("images", "masks"):
        (tmp_path / kind / "train").mkdir(parents=True)
    for index in range(4):
        label = np.full((40, 60), ROAD, np.uint8)
        if index == 3:
            label[10:30, 20:22] = POLE
        frame = np.where(label[..., None] == POLE, 255, 20 + index).repeat(3, 2).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "images" / "train" / f"{index}.png"), frame)
        cv2.imwrite(str(tmp_path / "masks" / "train" / f"{index}.png"), label)
    (tmp_path / "classes.json").write_text(
        '{"classes": [{"name": "road", "colour": [1, 1, 1]}, {"name": "pole", "colour": [2, 2, 2]}], "ignore": 255}'
    )
    return Dataset.open(tmp_path, "train")


def test_a_pole_is_pasted_with_its_outline_and_nothing_else(data: Dataset) -> None:
    plain = list(TrainingSet(data, SETTINGS).batches(0, 40))
    pasted = list(TrainingSet(data, replace(SETTINGS, paste=1.0)).batches(0, 40))
    new = 0
    for before, after in zip(plain, pasted, strict=True):
        poles = after.labels == POLE
        changed = (after.frames != before.frames).any(1)
        assert bool((after.frames.permute(0, 2, 3, 1)[poles] == 255).all())
        assert bool((changed <= poles).all())
        assert bool(((before.labels == POLE) <= poles).all())
        assert bool((changed <= after.pasted).all())
        assert bool((after.pasted <= poles).all())
        assert not before.pasted.any()
        new += int(changed.any((1, 2)).sum())
    assert 8 <= new <= 35  # of 80 crops a quarter have the donor, whose pole may lie where one is already


def test_class_mix_brings_classes_whole_from_another_crop(data: Dataset) -> None:
    plain = list(TrainingSet(data, SETTINGS).batches(0, 20))
    mixed = list(TrainingSet(data, replace(SETTINGS, class_mix=1.0)).batches(0, 20))
    shades = []
    for before, after in zip(plain, mixed, strict=True):
        assert bool(((after.frames == 255).all(1) == (after.labels == POLE)).all())
        shades.append((after.frames[:, 0, 0, 0] != before.frames[:, 0, 0, 0]).numpy())
        assert bool(((after.frames != before.frames).any(1) <= after.pasted).all())
    # The corner is road: another crop's, unless the donor is the same picture or its pole was drawn.
    assert 0.5 < np.mean(shades) < 1


def test_the_same_step_gives_the_same_batch(data: Dataset) -> None:
    examples = TrainingSet(data, replace(SETTINGS, paste=0.5, class_mix=0.5, colour=0.5))
    whole, later = list(examples.batches(0, 6)), list(examples.batches(3, 6))
    for batch, again in zip(whole[3:], later, strict=True):
        assert bool((batch.frames == again.frames).all())
        assert bool((batch.labels == again.labels).all())
        assert bool((batch.pasted == again.pasted).all())
        assert (batch.pictures, batch.views) == (again.pictures, again.views)
