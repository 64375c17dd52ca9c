"""Which split a folder or a list means, by its name; and data sets that have a folder for each."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.layouts.layout import Layout, Pair, Splits
from edgeseg.accuracy.layouts.pairing import check_link, composed, is_image
from edgeseg.counted import counted, first_of
from edgeseg.errors import DataError

LABELLED = ("train", "val")
TEST = "test"
"""Splits that have labels, and the one whose labels are often kept back."""

SPLITS = (*LABELLED, TEST)

ALIASES = {"valid": "val", "validation": "val", "dev": "val", "training": "train", "testing": "test"}
"""Names that people give to splits, and ours."""

IMAGES = ("images", "image", "imgs", "img")
MASKS = ("masks", "mask", "labels", "label", "annotations", "masks_machine")
"""What people call the two folders, in any case; Supervisely's are img/ and masks_machine/."""

_LIKE_A_SPLIT = re.compile(rf"(?<![a-z])({'|'.join((*SPLITS, *ALIASES, 'trainval'))})(?![a-z])", re.IGNORECASE)
"""The names of splits, also with a year, a number or a word beside them: "train2017", "road_val", not "valencia"."""


def usual(name: str) -> str:
    """Our name of a split, in whatever case it is written; a name that is none of ours is left as it is."""
    ours = ALIASES.get(name.lower(), name.lower())
    return ours if ours in SPLITS else composed(name)


def by_split(named: Iterable[tuple[str | None, Path]]) -> dict[str | None, Path]:
    """Folders or files by the split that their names mean; None stands for the whole.

    Raises:
        DataError: two mean the same one.
    """
    found: dict[str | None, Path] = {}
    for name, path in named:
        split = None if name is None else usual(name)
        if split in found:
            meant = "the whole data set" if split is None else f"the split {split!r}"
            raise DataError(f"{found[split]} and {path} both mean {meant}; join them, rename one or move it away")
        found[split] = path
    return found


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, sorted, without hidden ones and what macOS adds to archives."""
    with os.scandir(folder) as entries:  # asks no file of thousands whether it is a folder
        names = [each.name for each in entries if each.is_dir() and not each.name.startswith((".", "__MACOSX"))]
    return sorted(folder / name for name in names)


def folder_called(folder: Path, names: Iterable[str]) -> Path | None:
    """The folder in a folder that is called by the first of these names that one has, in any case.

    One that holds nothing but a folder that is called so too stands for that, as archives from Kaggle unpack to
    images/images/.

    Raises:
        DataError: two names differ in their case alone.
    """
    names = tuple(names)
    found: dict[str, Path] = {}
    for each in folders_in(folder):
        name = each.name.lower()
        if name in names and found.setdefault(name, each) != each:
            raise DataError(f"{found[name]} and {each} differ in case alone; join them, or rename one")
    named = next((found[name] for name in names if name in found), None)
    if named is None:
        return None
    inner = list(islice((each for each in named.iterdir() if not each.name.startswith(".")), 2))
    return inner[0] if len(inner) == 1 and inner[0].name.lower() in names and inner[0].is_dir() else named


def folders_by_split(folder: Path) -> dict[str | None, Path]:
    """The folders in a folder by the split that their names mean.

    Raises:
        DataError: two mean the same one, or one is a link that leads nowhere.
    """
    for path in folder.iterdir():
        check_link(path)
    return by_split((each.name, each) for each in folders_in(folder))


def partner(masks: Path, name: str) -> Path:
    """The folder in `masks` of that name, or of the same split; it may not be there.

    Raises:
        DataError: there is none of that name, and two mean its split.
    """
    same = masks / name
    if same.is_dir() or not masks.is_dir():
        return same
    return folders_by_split(masks).get(usual(name), same)


def without_labels(images: Path, masks: Path) -> str:
    """A sentence on a split's folder of images that no split reads, as its masks are missing."""
    return f"{images} has no labels and is not read: expected the folder {masks}"


def labelled_folders(
    images: Path, masks: Path
) -> tuple[dict[str | None, tuple[Path, Path]], tuple[str, ...]]:
    """The folders of each split, of images and of masks, and a sentence on each of LABELLED that lacks its masks.

    Raises:
        DataError: two folders mean the same split.
    """
    folders = {split: (each, partner(masks, each.name)) for split, each in folders_by_split(images).items()}
    lacking = [each for split, each in folders.items() if split in LABELLED and not each[1].is_dir()]
    both = {split: each for split, each in folders.items() if each[1].is_dir()}
    return both, tuple(without_labels(*each) for each in lacking)


def layout_by_folders(
    name: str, images: Path, pairs: Callable[[str], tuple[Pair, ...]], classes: Callable[[], Classes]
) -> Layout:
    """The layout of a folder of images in which there may be one for each split.

    The folders are splits if the name of one has that of a split in it. Others, as for cities, are parts of a data set
    that is not divided.

    Args:
        name: of the layout.
        images: the folder.
        pairs: lists the pairs of a folder in it, by name; of all for "".
        classes: reads the classes.

    Raises:
        DataError: two folders mean the same split.
    """
    folders = folders_by_split(images)
    named: Splits = {split: partial(pairs, folder.name) for split, folder in folders.items()}
    if not any(split and _LIKE_A_SPLIT.search(split) for split in folders):
        return Layout(name, {None: partial(pairs, "")}, classes, (*_splits_below(images),), parts=named)
    loose = sorted(path for path in images.iterdir() if is_image(path))
    sentence = f"{counted(len(loose), 'file')} beside the splits' folders will not be read: {first_of(loose)}"
    return Layout(name, named, classes, (sentence,) if loose else ())


def _splits_below(images: Path) -> Iterator[str]:
    """A sentence if the parts of a data set that is not divided have splits in them, which would be mixed."""
    below = sorted(path for path in images.glob("*/*") if usual(path.name) in SPLITS and path.is_dir())
    if below:
        expected = images / below[0].name / below[0].parent.name
        yield f"{below[0]} is read with all others, as only folders in {images} are splits; expected {expected}"
