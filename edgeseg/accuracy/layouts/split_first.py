"""A folder for each split, with the plain layout's two folders in it.

train/images/  train/masks/     with folders of any depth; the same names below both
val/  test/                     the same, by all names of splits that the plain layout takes
classes.json                    as of the plain layout
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.classes_file import read_classes
from edgeseg.accuracy.layouts.layout import Layout
from edgeseg.accuracy.layouts.pairing import check_link, pairs_by_name
from edgeseg.accuracy.layouts.split_folders import LABELLED, SPLITS, by_split, folders_in, usual, without_labels
from edgeseg.errors import DataError

NAME = "split first"
NEEDS = ("train/images", "train/masks", "classes.json")


def find(folder: Path) -> Layout | None:
    """A folder that has the name of a split, in which images/ and masks/ are."""
    named = [each for each in folders_in(folder) if usual(each.name) in SPLITS]
    whole = [each for each in named if (each / "images").is_dir() and (each / "masks").is_dir()]
    if not whole:
        return None
    for path in folder.iterdir():
        check_link(path)
    both = by_split((each.name, each) for each in whole)
    lacking = [each for each in named if usual(each.name) in LABELLED and each not in whole]
    return Layout(
        NAME,
        {split: partial(pairs_by_name, each / "images", each / "masks") for split, each in both.items()},
        partial(_classes, folder),
        tuple(without_labels(each / "images", each / "masks") for each in lacking),
    )


def _classes(folder: Path) -> Classes:
    file = folder / "classes.json"
    if not file.is_file():
        raise DataError(f"{folder} has folders of splits but no classes.json; write one with the names of its classes")
    return read_classes(file)
