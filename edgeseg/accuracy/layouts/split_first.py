"""A folder for each split, with its images and label images in it, as many on Kaggle have it.

    train/images/  train/masks/     images, and PNG with the same names; also another of IMAGES and of MASKS
    val/images/    val/masks/
    classes.json

A folder of another name, as Supervisely's ds0/, is the whole data set if it is the only one, and classes lie beside it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from edgeseg.accuracy.layouts.class_lists import classes_beside, has_classes
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
    """Folders with images/ and label images in them; one is called like a split, or classes are beside them."""
    inside = {each: (folder_called(each, IMAGES), folder_called(each, MASKS)) for each in folders_in(folder)}
    both = {each: (images, masks) for each, (images, masks) in inside.items() if images and masks}
    named = any(usual(each.name) in SPLITS for each in both)
    if not (named or (both and has_classes(folder))):
        return None
    for path in folder.iterdir():
        check_link(path)
    by_name = by_split((each.name if named or len(both) > 1 else None, each) for each in both)
    splits: Splits = {split: partial(pairs_by_name, *both[each]) for split, each in by_name.items()}
    lacking = [each for each in inside if each not in both and usual(each.name) in LABELLED]
    unused = (without_labels(images, each / MASKS[0]) for each in lacking if (images := inside[each][0]) is not None)
    return Layout(NAME, splits, partial(classes_beside, folder), tuple(unused))
