"""A folder for each split, with its images and label images in it, as Mapillary Vistas and many on Kaggle have it.

    train/images/  train/masks/     images, and PNG with the same names; also train/labels/ or another of _MASKS
    val/images/    val/masks/
    classes.json
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from edgeseg.accuracy.layouts.class_lists import classes_beside
from edgeseg.accuracy.layouts.layout import Layout, Splits
from edgeseg.accuracy.layouts.pairing import check_link, pairs_by_name
from edgeseg.accuracy.layouts.split_folders import LABELLED, SPLITS, by_split, folders_in, usual, without_labels

NAME = "splits first"
NEEDS = ("train/images", "train/masks", "classes.json")

_IMAGES = ("images", "image", "img")
_MASKS = ("masks", "mask", "labels", "label", "annotations", "masks_machine")
"""As people call the two folders; Supervisely's are img/ and masks_machine/."""


def find(folder: Path) -> Layout | None:
    """Folders called like splits that have images/ in them, at least one with label images beside these."""
    inside = {each: _first(each, _IMAGES) for each in folders_in(folder) if usual(each.name) in SPLITS}
    named = {each: images for each, images in inside.items() if images is not None}
    masks = {each: _first(each, _MASKS) for each in named}
    splits: Splits = {
        split: partial(pairs_by_name, named[each], beside)
        for split, each in by_split((each.name, each) for each in named).items()
        if (beside := masks[each]) is not None
    }
    if not splits:
        return None
    for path in folder.iterdir():
        check_link(path)
    lacking = [each for each, beside in masks.items() if beside is None and usual(each.name) in LABELLED]
    unused = tuple(without_labels(named[each], each / _MASKS[0]) for each in lacking)
    return Layout(NAME, splits, partial(classes_beside, folder), unused)


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    """The first of some folders that is there."""
    return next((folder / name for name in names if (folder / name).is_dir()), None)
