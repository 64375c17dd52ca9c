"""A folder for each split, with its images and label images in it, as many on Kaggle have it.

    train/images/  train/masks/     images, and PNG with the same names; also another of IMAGES and of MASKS
    val/images/    val/masks/
    classes.json
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from edgeseg.accuracy.layouts.class_lists import classes_beside
from edgeseg.accuracy.layouts.layout import Layout, Splits
from edgeseg.accuracy.layouts.pairing import check_link, pairs_by_name
from edgeseg.accuracy.layouts.split_folders import (
    IMAGES,
    LABELLED,
    MASKS,
    SPLITS,
    by_split,
    folder_called,
    folders_in,
    usual,
    without_labels,
)

NAME = "splits first"
NEEDS = ("train/images", "train/masks", "classes.json")


def find(folder: Path) -> Layout | None:
    """Folders that have images/ in them and label images beside these, at least one of them called like a split."""
    inside = {each: (folder_called(each, IMAGES), folder_called(each, MASKS)) for each in folders_in(folder)}
    both = {each: (images, masks) for each, (images, masks) in inside.items() if images and masks}
    if not any(usual(each.name) in SPLITS for each in both):
        return None
    for path in folder.iterdir():
        check_link(path)
    by_name = by_split((each.name, each) for each in both)
    splits: Splits = {split: partial(pairs_by_name, *both[each]) for split, each in by_name.items()}
    lacking = [each for each in inside if each not in both and usual(each.name) in LABELLED]
    unused = (without_labels(images, each / MASKS[0]) for each in lacking if (images := inside[each][0]) is not None)
    return Layout(NAME, splits, partial(classes_beside, folder), tuple(unused))
