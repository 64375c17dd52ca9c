"""Driving data sets whose masks number the classes as Cityscapes does, each in folders of its own.

    images/10k/train/  labels/sem_seg/masks/train/    BDD100K, by trained ids; val/ likewise
    training/image_2/  training/semantic/             KITTI, by label ids; testing/ has no labels
    classes.json                                      only for other classes than Cityscapes' 19
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.layouts.cityscapes import BY_TRAIN_ID, by_label_id
from edgeseg.accuracy.layouts.class_lists import known_classes
from edgeseg.accuracy.layouts.layout import Layout, Splits
from edgeseg.accuracy.layouts.pairing import pairs_by_name
from edgeseg.accuracy.layouts.split_folders import labelled_folders

NAME = "BDD100K"
NEEDS = ("images/10k", "labels/sem_seg/masks")


def find(folder: Path) -> Layout | None:
    """Either of the two."""
    images, masks = (folder / name for name in NEEDS)
    if images.is_dir() and masks.is_dir():
        folders, unused = labelled_folders(images, masks)
        splits: Splits = {split: partial(pairs_by_name, *each) for split, each in folders.items()}
        if splits:
            return Layout(NAME, splits, partial(_classes, folder, lambda: BY_TRAIN_ID), unused)
    images, masks = (folder / "training" / name for name in ("image_2", "semantic"))
    if images.is_dir() and masks.is_dir():
        return Layout("KITTI", {None: partial(pairs_by_name, images, masks)}, partial(_classes, folder, by_label_id))
    return None


def _classes(folder: Path, usual: Callable[[], Classes]) -> Classes:
    return known_classes(folder) or usual()
