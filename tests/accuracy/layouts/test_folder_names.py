"""Folders as people call them: the two of images and masks, and those of driving data sets."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.dataset import Dataset, has_split, splits
from edgeseg.accuracy.layouts import find_layout
from edgeseg.accuracy.layouts.split_folders import IMAGES, folder_called
from edgeseg.errors import DataError


def lay(folder: Path, images: str, masks: str, level: int = 1) -> Path:
    """One picture in the first folder, and in the other its mask of one id."""
    for place, image in ((images, np.zeros((2, 3, 3), np.uint8)), (masks, np.full((2, 3), level, np.uint8))):
        (folder / place).mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / place / "a.png"), image)
    return folder


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("imgs", "masks"),
        ("Images", "Masks"),
        ("image", "LABEL"),
        ("images/images", "masks/masks"),
        ("images", "masks/masks"),
        ("Images/images", "labels"),
        ("imgs/train", "mask/train"),
        ("image/train", "label/train"),
        ("train/Images", "train/Masks"),
        ("train/images/images", "train/masks"),
        ("train_images", "train_masks"),
        ("train_images", "train_labels"),
        ("train", "train_mask"),
    ],
)
def test_the_two_folders_are_known_by_usual_names(tmp_path: Path, images: str, masks: str) -> None:
    lay(tmp_path, images, masks)
    classes = [{"name": "road", "colour": [128, 64, 128]}, {"name": "car", "colour": [64, 0, 128]}]
    (tmp_path / "classes.json").write_text(json.dumps({"classes": classes, "ignore": 255}))
    (tmp_path / images.split("/")[0] / ".DS_Store").touch()
    assert splits(tmp_path) == (["train"] if "train" in images else [])
    data = Dataset.open(tmp_path, "train" if "train" in images else None)
    assert [pair.mask for pair in data.pairs] == [tmp_path / masks / "a.png"]
    assert data.load(0)[1].tolist() == [[1] * 3] * 2


def test_a_folder_beside_others_is_no_copy_of_the_one_around_it(tmp_path: Path) -> None:
    for inner in ("images", "more"):
        (tmp_path / "images" / inner).mkdir(parents=True)
    assert folder_called(tmp_path, IMAGES) == tmp_path / "images"
    (tmp_path / "images/more").rmdir()
    assert folder_called(tmp_path, IMAGES) == tmp_path / "images/images"


def test_names_that_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    (tmp_path / "Images").mkdir()
    if (tmp_path / "images").exists():
        pytest.skip("this file system does not tell cases apart")
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"/Images and .*/images differ in case alone; join them, or rename one"):
        folder_called(tmp_path, IMAGES)


def test_bdd100k_has_cityscapes_trained_ids(tmp_path: Path) -> None:
    for split, level in (("train", 13), ("val", 255)):
        lay(tmp_path, f"images/10k/{split}", f"labels/sem_seg/masks/{split}", level)
    (tmp_path / "images/10k/test").mkdir()
    (tmp_path / "images/100k/train").mkdir(parents=True)
    assert splits(tmp_path) == ["train", "val"]
    train, val = (Dataset.open(tmp_path, split) for split in ("train", "val"))
    assert train.classes.names[train.load(0)[1][0, 0]] == "car"
    assert val.load(0)[1][0, 0] == val.classes.ignore == 255


def test_kitti_has_cityscapes_label_ids(tmp_path: Path) -> None:
    lay(tmp_path, "training/image_2", "training/semantic", 26)
    (tmp_path / "testing/image_2").mkdir(parents=True)
    data = Dataset.open(tmp_path)
    assert data.classes.names[data.load(0)[1][0, 0]] == "car"
    assert has_split(tmp_path, "train")  # or val: it is not divided


def test_classes_of_ones_own_count_there_too(tmp_path: Path) -> None:
    lay(tmp_path, "training/image_2", "training/semantic")
    classes = [{"name": "sky", "colour": [8, 8, 8]}, {"name": "sea", "colour": [9, 9, 9]}]
    (tmp_path / "classes.json").write_text(json.dumps({"classes": classes, "ignore": None}))
    assert Dataset.open(tmp_path).classes.names == ("sky", "sea")


@pytest.mark.parametrize(
    ("inner", "sentence"),
    [
        ("train/images/b.png train/masks/b.png", "train is not read, as {0}/images and {0}/masks are the data set"),
        ("images/train/b.png masks/train/b.png masks/valid/c.png", "masks/valid has no images and is not read: "),
    ],
)
def test_what_is_beside_and_not_read_is_said(tmp_path: Path, inner: str, sentence: str) -> None:
    for name in ("images/a.png", "masks/a.png", *inner.split()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    layout = find_layout(tmp_path)
    assert layout is not None
    assert any(each.startswith(f"{tmp_path}/{sentence.format(tmp_path)}") for each in layout.unused)
