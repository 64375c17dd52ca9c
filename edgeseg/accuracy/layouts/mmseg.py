"""ADE20K's layout and MMSegmentation's own (mmsegmentation.readthedocs.io, "Prepare datasets").

    images/training/          img_dir/train/       images
    annotations/training/     ann_dir/train/       PNG with the same names; also labels/ or label/
    objectInfo150.txt         classes.json         the classes

ADE20K's objectInfo150.txt numbers classes from 1, and 0 is void (`reduce_zero_label`). Elsewhere classes.json says
what the ids mean; "id" and "ignore" there say it for files whose 0 is void.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from functools import partial
from pathlib import Path

from edgeseg.accuracy.classes import VOID, Classes
from edgeseg.accuracy.layouts.class_lists import classes_beside
from edgeseg.accuracy.layouts.layout import Layout, Splits, read_text
from edgeseg.accuracy.layouts.numbered import palette
from edgeseg.accuracy.layouts.pairing import pairs_by_name
from edgeseg.accuracy.layouts.split_folders import IMAGES, MASKS, folder_called, labelled_folders
from edgeseg.errors import DataError

NAME = "MMSegmentation"
NEEDS = ("img_dir", "ann_dir", "classes.json")

FOLDERS = (*((IMAGES, name) for name in MASKS), (("img_dir",), "ann_dir"))
_LIST = "objectInfo150.txt"


def find(folder: Path) -> Layout | None:
    """One of FOLDERS, with a folder for each split in both."""
    for names, name in FOLDERS:
        images, masks = folder_called(folder, names), folder_called(folder, [name])
        if images is None or masks is None:
            continue
        folders, unused = labelled_folders(images, masks)
        splits: Splits = {split: partial(pairs_by_name, *each) for split, each in folders.items()}
        if splits:
            return Layout(NAME, splits, partial(_classes, folder), unused)
    return None


def _classes(folder: Path) -> Classes:
    if (folder / "classes.json").is_file() or not (folder / _LIST).is_file():
        return classes_beside(folder)
    try:
        rows = csv.DictReader(io.StringIO(read_text(folder / _LIST), newline=""), delimiter="\t")
        names = {int(row["Idx"]): row["Name"].split(",")[0].strip() for row in rows}
        if not all(0 < number < 1 << 16 for number in names):
            raise ValueError("an Idx is not from 1 to 65535")
    except (KeyError, ValueError, AttributeError, TypeError, csv.Error) as error:
        raise DataError(f"{folder / _LIST} lacks the columns Idx and Name ({error!r}); take the original") from error
    ids = {0: VOID, **{number: index for index, number in enumerate(names)}}
    return Classes(_distinct(list(names.values())), palette(len(names) + 1)[1:], VOID, None, ids, "ids")


def _distinct(names: list[str]) -> tuple[str, ...]:
    """ADE20K calls several classes by one first name; those get their place added."""
    uses = Counter(names)
    return tuple(name if uses[name] == 1 else f"{name} {place}" for place, name in enumerate(names, 1))
