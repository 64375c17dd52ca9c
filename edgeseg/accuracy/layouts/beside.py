"""Label images beside their pictures, in a folder for each split, as Roboflow and DeepGlobe have them, or in any.

    train/  a.jpg  a_mask.png  _classes.csv     Roboflow's "Semantic Segmentation Masks"; valid/ and test/ likewise
    train/  1_sat.jpg  1_mask.png               DeepGlobe; with a class_dict.csv, or a classes.json, beside the folders
    a.jpg  a_mask.png                           or below any folders that are no splits; with a file of the classes

Roboflow's _classes.csv gives the id of each class, as in "0, background"; a classes.json replaces it.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from edgeseg.accuracy.classes import VOID, Classes
from edgeseg.accuracy.layouts.class_lists import classes_beside, has_classes
from edgeseg.accuracy.layouts.layout import Layout, Pair, Splits, read_text
from edgeseg.accuracy.layouts.numbered import numbered
from edgeseg.accuracy.layouts.pairing import files_by_name, is_image, partners
from edgeseg.accuracy.layouts.split_folders import LABELLED, SPLITS, by_split, folders_in, usual
from edgeseg.errors import DataError

NAME = "masks beside images"
NEEDS = ("train/*_mask.png",)

_END, _IMAGE_END = "_mask", "_sat"
_PNG = frozenset({".png"})
_CLASSES = "_classes.csv"
_ROW = re.compile(r"\s*(\d{1,3})\s*,\s*(\S|\S.*\S)\s*", re.ASCII)


def find(folder: Path) -> Layout | None:
    """Folders that hold label images, at least one of them called like a split; or the folder itself, with classes."""
    labelled = [each for each in folders_in(folder) if any(each.glob(f"*{_END}.png"))]
    if not any(usual(each.name) in SPLITS for each in labelled):
        found = has_classes(folder) and any(map(_holds_both, (folder, *labelled)))
        return Layout(NAME, {None: partial(_pairs, folder)}, partial(classes_beside, folder)) if found else None
    splits: Splits = {
        split: partial(_pairs, each) for split, each in by_split((each.name, each) for each in labelled).items()
    }
    lists = [each / _CLASSES for each in labelled if (each / _CLASSES).is_file()]
    lacking = [each for each in folders_in(folder) if each not in labelled and usual(each.name) in LABELLED]
    unused = (f"{each} has no labels and is not read: expected files called *{_END}.png" for each in lacking)
    return Layout(NAME, splits, partial(_classes, folder, lists), tuple(unused))


def _holds_both(folder: Path) -> bool:
    """Whether there are pictures in a folder, and label images."""
    return {path.stem.endswith(_END) for path in folder.iterdir() if is_image(path)} == {False, True}


def _pairs(folder: Path) -> tuple[Pair, ...]:
    masks = files_by_name(folder, _END, _PNG)
    images = {name: path for name, path in files_by_name(folder).items() if not name.endswith(_END)}
    for name in images.keys() - masks.keys():
        plain = name.removesuffix(_IMAGE_END)
        if plain not in images:  # else one of the two would be lost in silence
            images[plain] = images.pop(name)
    return partners(images, masks, (folder, folder), ("", _END))


def _classes(folder: Path, lists: list[Path]) -> Classes:
    if (folder / "classes.json").is_file() or not lists:
        return classes_beside(folder)
    names: dict[int, str] = {}
    for path in lists:
        lines = [line for line in read_text(path).splitlines() if line.strip()]
        rows = filter(None, map(_ROW.fullmatch, lines))
        own = {int(row[1]): row[2] for row in rows}
        if len(own) != len(lines) - 1 or (names and own != names) or max(own, default=0) > VOID:
            raise DataError(
                f"{path} is no list of ids from 0 to 255 and names after one line of headings, the same in each split; "
                "export it again, or write a classes.json"
            )
        names = own
    return numbered(names)
