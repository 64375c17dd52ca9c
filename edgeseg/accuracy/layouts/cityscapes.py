"""Cityscapes' layout (github.com/mcordts/cityscapesScripts): cities, suffixes, and ids that are not the trained ones.

    leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png
    gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png    or ..._gtFine_labelTrainIds.png
    classes.json                                                    only for other classes than Cityscapes' 19

The 19 classes that are trained are taken out of the 34 label ids; all others are ignored. CVAT and Datumaro write this
layout with ids of their own, and a label_colors.txt, which does not say which id is whose.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.classes_file import read_classes
from edgeseg.accuracy.layouts.layout import Layout, Splits
from edgeseg.accuracy.layouts.pairing import is_image, pairs_by_name
from edgeseg.accuracy.layouts.split_folders import labelled_folders
from edgeseg.errors import DataError

NAME = "Cityscapes"
NEEDS = ("leftImg8bit", "gtFine")

_LABEL_IDS, _TRAIN_IDS = "_gtFine_labelIds", "_gtFine_labelTrainIds"
_OTHER_LABELS = "label_colors.txt"

CLASSES: dict[str, tuple[int, tuple[int, int, int]]] = {
    "road": (7, (128, 64, 128)),
    "sidewalk": (8, (244, 35, 232)),
    "building": (11, (70, 70, 70)),
    "wall": (12, (102, 102, 156)),
    "fence": (13, (190, 153, 153)),
    "pole": (17, (153, 153, 153)),
    "traffic light": (19, (250, 170, 30)),
    "traffic sign": (20, (220, 220, 0)),
    "vegetation": (21, (107, 142, 35)),
    "terrain": (22, (152, 251, 152)),
    "sky": (23, (70, 130, 180)),
    "person": (24, (220, 20, 60)),
    "rider": (25, (255, 0, 0)),
    "car": (26, (0, 0, 142)),
    "truck": (27, (0, 0, 70)),
    "bus": (28, (0, 60, 100)),
    "train": (31, (0, 80, 100)),
    "motorcycle": (32, (0, 0, 230)),
    "bicycle": (33, (119, 11, 32)),
}
"""Label id and colour of each class that is trained, in the order of the trained ids."""


def find(folder: Path) -> Layout | None:
    """leftImg8bit/ and gtFine/, where the test split has no true labels."""
    images, masks = folder / "leftImg8bit", folder / "gtFine"
    if not (images.is_dir() and masks.is_dir()):
        return None
    end = _LABEL_IDS if any(map(is_image, masks.rglob(f"*{_LABEL_IDS}.png"))) else _TRAIN_IDS
    folders, unused = labelled_folders(images, masks)
    ends = ("_leftImg8bit", end)
    splits: Splits = {split: partial(pairs_by_name, *each, ends=ends) for split, each in folders.items()}
    return Layout(NAME, splits, partial(_classes, folder, end), unused) if splits else None


def _classes(folder: Path, end: str) -> Classes:
    """Of the folder's classes.json, or the 19 as masks with that end number them."""
    file = folder / "classes.json"
    if file.is_file():
        return read_classes(file)
    if (folder / _OTHER_LABELS).is_file():
        raise DataError(
            f"{folder / _OTHER_LABELS} gives the masks labels of their own, but not their ids; write a classes.json "
            'with the "id" of each'
        )
    return by_label_id() if end == _LABEL_IDS else BY_TRAIN_ID


BY_TRAIN_ID = Classes(tuple(CLASSES), tuple(colour for _, colour in CLASSES.values()), 255, reading="ids")
"""The 19 classes as labelTrainIds number them."""


def by_label_id() -> Classes:
    """The 19 classes as labelIds number them; the other ids, up to 33, and 255 (which is -1) are ignored."""
    numbers = {number: index for index, (number, _) in enumerate(CLASSES.values())}
    return replace(BY_TRAIN_ID, ids={**dict.fromkeys((*range(34), 255), 255), **numbers})
