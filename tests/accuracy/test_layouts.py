"""Data sets as people have them, made small: each layout is found, and its labels mean what their authors say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.accuracy.dataset import Dataset, has_split, splits
from edgeseg.accuracy.layouts import cityscapes
from edgeseg.accuracy.layouts.numbered import palette
from edgeseg.errors import DataError

CLASSES: list[dict[str, Any]] = [{"name": "road", "colour": [128, 64, 128]}, {"name": "car", "colour": [64, 0, 128]}]
LABEL = np.array([[0, 1, 1], [1, 0, 0]], np.uint8)


def write(path: Path, image: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path


def picture(path: Path, level: int = 90, size: tuple[int, int] = (2, 3)) -> Path:
    return write(path, np.full((*size, 3), level, np.uint8))


def describe(folder: Path, **more: Any) -> None:
    (folder / "classes.json").write_text(json.dumps({"classes": CLASSES, "ignore": 255, **more}))


def test_plain_reads_folders_of_any_depth_and_usual_names_of_splits(tmp_path: Path) -> None:
    for name in ("train/a", "train/city/a", "train/city/deep/b", "valid/c"):
        picture(tmp_path / "images" / f"{name}.jpg")
        write(tmp_path / "masks" / f"{name}.png", LABEL)
    describe(tmp_path)
    assert splits(tmp_path) == ["train", "val"]
    data = Dataset.open(tmp_path, "train")
    assert [str(pair.image.relative_to(tmp_path / "images/train")) for pair in data.pairs] == [
        "a.jpg",
        "city/a.jpg",
        "city/deep/b.jpg",
    ]
    assert np.array_equal(Dataset.open(tmp_path, "val").load(0)[1], LABEL)


@pytest.mark.parametrize("masks", ["labels", "annotations"])
def test_plain_has_other_names_for_masks(tmp_path: Path, masks: str) -> None:
    picture(tmp_path / "images/a.jpg")
    write(tmp_path / masks / "a.png", LABEL)
    describe(tmp_path)
    assert np.array_equal(Dataset.open(tmp_path).load(0)[1], LABEL)
    write(tmp_path / "masks/a.png", 1 - LABEL)  # what edgeseg itself writes comes first
    assert np.array_equal(Dataset.open(tmp_path).load(0)[1], 1 - LABEL)


def test_a_data_set_in_a_folder_of_its_own_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "data/images/a.jpg")
    write(tmp_path / "data/masks/a.png", LABEL)
    (tmp_path / "beside").mkdir()
    (tmp_path / "broken/annotations").mkdir(parents=True)
    with pytest.raises(DataError, match=rf"that edgeseg knows; its folder data is one: give {tmp_path}/data$"):
        Dataset.open(tmp_path)
    (tmp_path / "data").rename(tmp_path / "beside/2012")
    with pytest.raises(DataError, match=rf"its folder beside/2012 is one: give {tmp_path}/beside/2012$"):
        Dataset.open(tmp_path)


def test_a_flat_data_set_has_reproducible_halves(tmp_path: Path) -> None:
    for index in range(40):
        picture(tmp_path / "images" / f"{index}.png", index)
        write(tmp_path / "masks" / f"{index}.png", LABEL)
    describe(tmp_path)
    assert splits(tmp_path) == []
    assert has_split(tmp_path, "val")
    assert not has_split(tmp_path, "test")
    halves = [{pair.image.name for pair in Dataset.open(tmp_path, split).pairs} for split in ("train", "val")]
    assert not halves[0] & halves[1]
    assert len(halves[0] | halves[1]) == 40
    assert 2 <= len(halves[1]) <= 14
    picture(tmp_path / "images" / "new.png")
    write(tmp_path / "masks" / "new.png", LABEL)
    assert halves[1] <= {pair.image.name for pair in Dataset.open(tmp_path, "val").pairs} <= halves[1] | {"new.png"}
    with pytest.raises(DataError, match="not divided, and only its halves"):
        Dataset.open(tmp_path, "test")


def test_folders_that_repeat_a_name_are_divided_by_their_own(tmp_path: Path) -> None:
    for index in range(40):
        picture(tmp_path / f"images/{index}/rgb.png", index)
        write(tmp_path / f"masks/{index}/rgb.png", LABEL)
    strange = os.fsdecode(b"caf\xe9")  # Latin-1
    for kind in ("images", "masks"):
        (tmp_path / kind / "0").rename(tmp_path / kind / strange)
    describe(tmp_path)
    assert 2 <= len(Dataset.open(tmp_path, "val")) <= 14
    assert len(Dataset.open(tmp_path, "train")) + len(Dataset.open(tmp_path, "val")) == 40


def indexed(path: Path, indices: NDArray[np.uint8], palette: list[tuple[int, int, int]]) -> None:
    """A PNG with a palette, as VOC has them."""
    image = pytest.importorskip("PIL.Image", reason="Pillow writes the indexed PNG")
    made = image.fromarray(indices, "P") if not hasattr(image, "Palette") else image.fromarray(indices)
    made = made if made.mode == "P" else made.convert("L")
    made.putpalette([level for colour in palette for level in colour])
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(path)


def test_voc_reads_indices_not_colours(tmp_path: Path) -> None:
    label = np.array([[0, 15, 255], [20, 7, 0]], np.uint8)
    picture(tmp_path / "JPEGImages/2007_000032.jpg")
    indexed(tmp_path / "SegmentationClass/2007_000032.png", label, list(palette(256)))
    lists = tmp_path / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_000032\n")
    data = Dataset.open(tmp_path, "train")
    assert data.classes.names[15] == "person"
    assert np.array_equal(data.load(0)[1], label)
    (lists / "train.txt").write_text("2007_000033\n")
    with pytest.raises(DataError, match=r"names 2007_000033, which is not in .*JPEGImages"):
        Dataset.open(tmp_path, "train")


def test_vocs_colours_are_the_development_kits() -> None:
    assert palette(16)[1:4] == ((128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert palette(16)[15] == (192, 128, 128)
    assert len(set(palette(256))) == 256


def test_cityscapes_takes_the_trained_classes_out_of_the_label_ids(tmp_path: Path) -> None:
    name = "train/aachen/aachen_000000_000019"
    picture(tmp_path / f"leftImg8bit/{name}_leftImg8bit.png")
    write(tmp_path / f"gtFine/{name}_gtFine_labelIds.png", np.array([[7, 26, 0], [33, 3, 11]], np.uint8))
    write(tmp_path / f"gtFine/{name}_gtFine_color.png", np.zeros((2, 3, 3), np.uint8))
    data = Dataset.open(tmp_path, "train")
    assert len(data) == 1
    assert len(data.classes.names) == 19
    _, label = data.load(0)
    assert label.tolist() == [[0, 13, 255], [18, 255, 2]]
    assert [data.classes.names[each] for each in (0, 13, 18, 2)] == ["road", "car", "bicycle", "building"]
    assert len({number for number, _ in cityscapes.CLASSES.values()}) == 19


def test_cityscapes_folders_may_hold_other_classes(tmp_path: Path) -> None:
    """Their ids had been taken for Cityscapes' own, with a classes.json beside them or CVAT's list of labels."""
    picture(tmp_path / "leftImg8bit/train/a/b_leftImg8bit.png")
    write(tmp_path / "gtFine/train/a/b_gtFine_labelIds.png", LABEL + 7)
    (tmp_path / "label_colors.txt").write_text("128 64 128 road\n64 0 128 car\n")
    with pytest.raises(DataError, match=r'label_colors\.txt gives .* write a classes\.json with the "id"'):
        Dataset.open(tmp_path, "train")
    describe(tmp_path, classes=[{**each, "id": place} for place, each in enumerate(CLASSES, 7)])
    data = Dataset.open(tmp_path, "train")
    assert data.classes.names == ("road", "car")
    assert np.array_equal(data.load(0)[1], LABEL)


def test_ade20k_has_void_at_zero(tmp_path: Path) -> None:
    picture(tmp_path / "images/validation/ADE_val_1.jpg")
    write(tmp_path / "annotations/validation/ADE_val_1.png", np.array([[0, 1, 2], [2, 1, 0]], np.uint8))
    (tmp_path / "objectInfo150.txt").write_text("Idx\tRatio\tName\n1\t.1\twall\n2\t.1\tdoor, double door\n")
    data = Dataset.open(tmp_path, "val")
    assert data.classes.names == ("wall", "door")
    assert data.load(0)[1].tolist() == [[255, 0, 1], [1, 0, 255]]


def test_mmsegmentations_folders(tmp_path: Path) -> None:
    picture(tmp_path / "img_dir/train/a.png")
    write(tmp_path / "ann_dir/train/a.png", LABEL)
    with pytest.raises(DataError, match=r"no classes\.json; write one"):
        Dataset.open(tmp_path, "train")
    describe(tmp_path)
    assert np.array_equal(Dataset.open(tmp_path, "train").load(0)[1], LABEL)


def test_images_and_annotations_may_have_a_classes_json(tmp_path: Path) -> None:
    """It had made them edgeseg's own layout, of which masks/ was missing."""
    picture(tmp_path / "images/training/a.jpg")
    write(tmp_path / "annotations/training/a.png", LABEL + 1)
    describe(tmp_path, classes=[{**each, "id": place} for place, each in enumerate(CLASSES, 1)], ignore=0)
    assert np.array_equal(Dataset.open(tmp_path, "train").load(0)[1], LABEL)


def test_the_nearest_layout_is_named(tmp_path: Path) -> None:
    (tmp_path / "JPEGImages").mkdir()
    (tmp_path / "SegmentationClass").mkdir()
    with pytest.raises(DataError, match=r"resembles the layout VOC, which also has ImageSets/Segmentation"):
        Dataset.open(tmp_path, "train")
