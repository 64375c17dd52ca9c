"""A folder for each split, with images and label images in it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.dataset import Dataset, splits
from edgeseg.accuracy.layouts import find_layout, nearest
from edgeseg.errors import DataError

LABEL = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)


@pytest.fixture(params=["images/masks", "images/labels", "images/annotations", "img/masks_machine", "image/label"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    images, masks = request.param.split("/")
    for folder in ("train", "Validation"):
        for part in (tmp_path / folder / images / "day", tmp_path / folder / masks / "day"):
            part.mkdir(parents=True)
            label = part.parent.name == masks
            assert cv2.imwrite(str(part / "a.png"), LABEL if label else np.zeros((2, 3, 3), np.uint8))
    (tmp_path / "notes/images").mkdir(parents=True)
    classes = [{"name": "road", "colour": [128, 64, 128]}, {"name": "car", "colour": [64, 0, 128]}]
    (tmp_path / "classes.json").write_text(json.dumps({"classes": classes, "ignore": 255}))
    return tmp_path


def test_each_split_has_its_pairs(data: Path) -> None:
    assert splits(data) == ["val", "train"]
    for split in ("train", "val"):
        dataset = Dataset.open(data, split)
        assert dataset.classes.names == ("road", "car")
        assert len(dataset) == 1
        assert np.array_equal(dataset.load(0)[1], LABEL)


def test_other_folders_with_both_are_splits_too(data: Path) -> None:
    """They had been left out in silence."""
    (data / "Validation").rename(data / "extra")
    assert splits(data) == ["extra", "train"]
    assert len(Dataset.open(data, "extra")) == 1
    (data / "train").rename(data / "more")
    assert splits(data) == ["extra", "more"]
    (data / "classes.json").unlink()
    assert find_layout(data) is None


def test_supervisely_as_it_is_exported(tmp_path: Path) -> None:
    """Its machine masks are grey, in three channels."""
    for name, image in (("img", np.zeros((2, 3, 3), np.uint8)), ("masks_machine", cv2.merge([LABEL * 2] * 3))):
        (tmp_path / "ds0" / name).mkdir(parents=True)
        assert cv2.imwrite(str(tmp_path / "ds0" / name / "a.png"), image)
    path = tmp_path / "obj_class_to_machine_color.json"
    path.write_text(json.dumps({"kiwi": [1, 1, 1], "lemon": [2, 2, 2]}))
    assert splits(tmp_path) == []
    data = Dataset.open(tmp_path)
    assert data.classes.names == ("background", "kiwi", "lemon")
    assert data.load(0)[1].tolist() == (LABEL * 2).tolist()
    for wrong in ({"kiwi": [1, 1, 2]}, {"kiwi": [0, 0, 0]}, {"kiwi": [1, 1, 1], "lemon": [1, 1, 1]}, {"kiwi": 1}):
        path.write_text(json.dumps(wrong))
        with pytest.raises(DataError, match=r"machine_color\.json has '.*expected one level of 1 to 255 three times"):
            Dataset.open(tmp_path)


def test_classes_are_asked_for(data: Path) -> None:
    (data / "classes.json").unlink()
    with pytest.raises(DataError, match=r"no classes\.json; write one"):
        Dataset.open(data, "train")


def test_outlines_are_no_masks(data: Path) -> None:
    """Vistas and YOLO call different things labels."""
    (mask,) = (path for path in (data / "train").rglob("a.png") if not path.parent.parent.name.startswith("im"))
    mask.rename(mask.with_suffix(".txt"))
    with pytest.raises(DataError, match=r"a\.txt is not read, expected .*: save it as PNG"):
        Dataset.open(data, "train")


def test_a_split_that_is_gone_is_missed(data: Path) -> None:
    (data / "test").symlink_to(data / "gone")
    with pytest.raises(DataError, match=r"test is a link to .*gone, which is not there"):
        Dataset.open(data, "train")


def test_images_alone_are_near(tmp_path: Path) -> None:
    (tmp_path / "train/images").mkdir(parents=True)
    assert find_layout(tmp_path) is None
    assert nearest(tmp_path).startswith("it resembles the layout splits first, which also has train/masks, ")
