"""Folders of splits as people call them, and folders that are none: nothing is lost between them without a word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeseg.accuracy.dataset import Dataset, has_split, splits
from edgeseg.accuracy.layouts import find_layout
from edgeseg.accuracy.layouts.layout import Layout
from edgeseg.accuracy.layouts.split_folders import SPLITS
from edgeseg.errors import DataError, EdgeSegWarning

CLASSES = [{"name": "road", "colour": [128, 64, 128]}, {"name": "car", "colour": [64, 0, 128]}]

VALIDATION = ("val", "valid")


def lay(folder: Path, *files: str) -> Path:
    """Files of that path below a data set, and its classes; finding and pairing do not look into them."""
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder / "classes.json").write_text(json.dumps({"classes": CLASSES, "ignore": 255}))
    return folder


def found(folder: Path) -> Layout:
    layout = find_layout(folder)
    assert layout is not None
    return layout


@pytest.mark.parametrize(
    ("images", "masks"),
    [("train", "training"), ("Train", "train"), ("validation", "Val"), ("VAL", "valid")],
)
def test_a_split_has_one_meaning_in_both_folders(tmp_path: Path, images: str, masks: str) -> None:
    lay(tmp_path, f"images/{images}/a.png", f"masks/{masks}/a.png")
    (split,) = splits(tmp_path)
    assert split == images.lower().removesuffix("idation")
    (pair,) = found(tmp_path).splits[split]()
    assert pair.mask.parent.name == masks


def test_dev_means_val(tmp_path: Path) -> None:
    assert splits(lay(tmp_path, "images/dev/a.png", "masks/val/a.png")) == ["val"]


def test_the_same_name_comes_before_the_same_meaning(tmp_path: Path) -> None:
    lay(tmp_path, "images/train/a.png", "masks/train/a.png", "masks/training/b.png")
    (pair,) = found(tmp_path).splits["train"]()
    assert pair.mask == tmp_path / "masks/train/a.png"


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (("images/val/a.png", "images/valid/b.png", "masks/val/a.png"), "images/val and .*images/valid"),
        (("images/val/a.png", "masks/Val/a.png", "masks/valid/a.png"), "masks/Val and .*masks/valid"),
        (("val/a.png", "valannot/a.png", "valid/b.png", "validannot/b.png"), "/val and .*/valid"),
        (("img_dir/val/a.png", "img_dir/Valid/a.png", "ann_dir/val/a.png"), "Valid and .*val"),
        (("leftImg8bit/val/a.png", "leftImg8bit/valid/a.png", "gtFine/val/a.png"), "val and .*valid"),
        (("val/images/a.png", "val/masks/a.png", "valid/images/b.png", "valid/labels/b.png"), "/val and .*/valid"),
        (("annotations/instances_val2014.json", "annotations/instances_val2017.json"), r"val2014.json and .*val2017"),
        (("val/_annotations.coco.json", "valid/_annotations.coco.json"), "val/_annotations.* and .*valid/_annotations"),
        (
            ("JPEGImages/a.jpg", "SegmentationClass/a.png", *(f"ImageSets/Segmentation/{v}.txt" for v in VALIDATION)),
            "val.txt and .*valid.txt",
        ),
    ],
    ids=["plain", "masks", "CamVid", "MMSegmentation", "Cityscapes", "splits first", "COCO", "Roboflow", "VOC"],
)
def test_two_that_mean_one_split_are_refused(tmp_path: Path, files: tuple[str, ...], named: str) -> None:
    lay(tmp_path, *files)
    with pytest.raises(DataError, match=rf"{named}.* both mean the split 'val'; join them"):
        Dataset.open(tmp_path, "val")


def test_two_files_of_the_whole_are_refused(tmp_path: Path) -> None:
    lay(tmp_path, "result.json", "annotations/instances_default.json")
    with pytest.raises(DataError, match="both mean the whole data set"):
        find_layout(tmp_path)


def test_folders_that_name_no_split_are_parts_of_the_whole(tmp_path: Path) -> None:
    cities = [f"{city}/{index}.png" for city in ("aachen", "bonn") for index in range(20)]
    lay(tmp_path, *(f"{kind}/{each}" for kind in ("images", "masks") for each in [*cities, "loose.png"]))
    layout = found(tmp_path)
    assert list(layout.splits) == [None]
    assert not layout.unused
    assert len(layout.splits[None]()) == 41
    assert has_split(tmp_path, "train")
    assert has_split(tmp_path, "bonn")
    assert splits(tmp_path) == ["aachen", "bonn"]
    assert {pair.image.parent.name for pair in layout.parts["bonn"]()} == {"bonn"}


@pytest.mark.parametrize(
    "names", [("train2017", "val2017"), ("training_set", "validation_set"), ("road-train", "road-valid")]
)
def test_folders_with_a_splits_name_in_theirs_are_not_mixed(tmp_path: Path, names: tuple[str, str]) -> None:
    lay(tmp_path, *(f"{kind}/{name}/a.png" for kind in ("images", "masks") for name in names))
    assert list(found(tmp_path).splits) == [*names]
    with pytest.raises(DataError, match=f"it has {', '.join(names)}: choose one of these, or rename"):
        Dataset.open(tmp_path, "train")


@pytest.mark.parametrize("part", ["train", "aachen"])
def test_a_mask_for_each_label_knows_the_same_folders(tmp_path: Path, part: str) -> None:
    labels = [f"masks/{label}/{part.title()}/a.png" for label in ("crack", "rust")]
    lay(tmp_path, f"images/{part}/a.png", *(each.replace("Aachen", "aachen") for each in labels), "masks/._rust.png")
    layout = found(tmp_path)
    assert layout.name == "label folders"
    assert list(layout.splits) == ["train" if part == "train" else None]
    assert all(len(pairs()) == 1 for pairs in layout.splits.values())


@pytest.mark.parametrize("part", ["train/", ""])
def test_what_macos_adds_to_archives_is_neither_a_split_nor_a_label(tmp_path: Path, part: str) -> None:
    junk = f"__MACOSX/{part}._a.png"
    lay(tmp_path, f"images/{part}a.png", f"masks/rust/{part}a.png", f"masks/crack/{part}a.png")
    lay(tmp_path, f"images/{junk}", f"masks/{junk}")
    layout = found(tmp_path)
    assert list(layout.splits) == ["train" if part else None]
    assert not layout.parts
    assert layout.classes().names == ("crack", "rust")


def test_a_split_is_no_label_whatever_its_case(tmp_path: Path) -> None:
    lay(tmp_path, *(f"images/{each}/a.png" for each in ("train", "val")), "masks/Train/a.png", "masks/Val/a.png")
    assert found(tmp_path).name == "plain"


def test_pictures_beside_the_splits_are_told(tmp_path: Path) -> None:
    lay(tmp_path, "images/loose.png", "images/._junk.png", "images/train/a.png", "masks/train/b.png")
    with (
        pytest.warns(EdgeSegWarning, match=r"1 file beside the splits' folders will not be read: .*/loose\.png$"),
        pytest.raises(DataError, match="no partner"),  # after the warning
    ):
        Dataset.open(tmp_path, "train")


def test_splits_below_cities_are_told(tmp_path: Path) -> None:
    """They had been mixed in silence: a network was measured on what it had been trained on."""
    folders = [f"{kind}/{city}/{split}" for kind in ("images", "masks") for city in "xy" for split in SPLITS]
    lay(tmp_path, *(f"{folder}/a.png" for folder in folders))
    (sentence,) = found(tmp_path).unused
    assert "images/x/test is read with all others" in sentence
    assert sentence.endswith("expected " + str(tmp_path / "images/test/x"))


@pytest.mark.parametrize(
    ("images", "masks"),
    [("{}", "{}annot"), ("leftImg8bit/{}", "gtFine/{}"), ("img_dir/{}", "ann_dir/{}"), ("{}/images", "{}/masks")],
    ids=["CamVid", "Cityscapes", "MMSegmentation", "splits first"],
)
def test_a_split_without_labels_is_told(tmp_path: Path, images: str, masks: str) -> None:
    train = f"{images.format('train')}/a.png", f"{masks.format('train')}/a.png"
    lay(tmp_path, *train, *(f"{images.format(split)}/b.png" for split in ("val", "test", "demo")))
    layout = found(tmp_path)
    assert list(layout.splits) == ["train"]
    assert layout.unused == (  # the labels of a test split are often kept back
        f"{tmp_path / images.format('val')} has no labels and is not read: expected the folder "
        f"{tmp_path / masks.format('val')}",
    )


def test_the_labels_of_a_plain_test_split_may_be_kept_back(tmp_path: Path) -> None:
    lay(tmp_path, "images/train/a.png", "masks/train/a.png", "images/Testing/b.png")
    assert splits(tmp_path) == ["train"]
    lay(tmp_path, "masks/test/b.png")
    assert splits(tmp_path) == ["test", "train"]
    alone = lay(tmp_path / "alone", "images/test/a.png", "masks/a.png")
    with pytest.raises(DataError, match=r"images/test has no masks"):
        Dataset.open(alone, "test")


def test_a_split_is_found_by_its_own_name_too(tmp_path: Path) -> None:
    lay(tmp_path, "images/Train/a.png", "masks/Train/a.png")
    assert has_split(tmp_path, "Train")
    with pytest.raises(DataError, match="it is empty"):  # so it was found
        Dataset.open(tmp_path, "Train")


def test_cities_whose_names_begin_as_a_split_does_divide_nothing(tmp_path: Path) -> None:
    cities = ("valencia", "trainau")
    lay(tmp_path, *(f"{kind}/{city}/{n}.png" for kind in ("images", "masks") for city in cities for n in range(5)))
    assert set(found(tmp_path).splits) == {None}
