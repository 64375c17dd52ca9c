"""The plain layout, edgeseg's own: `edgeseg data convert` writes it.

    images/        images, or a folder for each split, with folders of any depth in it
    masks/         8-bit PNG with class ids or colours; the same folders and names; also labels/ or annotations/
    classes.json   {"classes": [{"name": "road", "colour": [128, 64, 128]}, ...], "ignore": 255}

Colours are red, green, blue. "ignore" is the id of pixels that count nowhere, or null; masks that are coloured may give
it a colour: "ignore_colour": [0, 0, 0]. Files that number their classes otherwise give each class its "id" (or a list
of them), and "ignore" is then an id, or a list, of the files too. "masks": "ids" or "colours" settles what could be
read either way.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from edgeseg.accuracy.layouts.class_lists import classes_beside
from edgeseg.accuracy.layouts.layout import Layout, Pair
from edgeseg.accuracy.layouts.pairing import is_image, pairs_by_name
from edgeseg.accuracy.layouts.path_lists import unread_lists
from edgeseg.accuracy.layouts.split_folders import layout_by_folders, partner

NAME = "plain"
NEEDS = ("images", "masks", "classes.json")

_OTHERS = ("labels", "annotations")


def find(folder: Path) -> Layout | None:
    """images/ with masks/ beside it, or another of that meaning."""
    images, masks = folder / "images", folder / "masks"
    if not masks.is_dir():
        masks = next((folder / name for name in _OTHERS if _holds_pictures(folder / name)), masks)
    if not (images.is_dir() and masks.is_dir()):
        return None
    layout = layout_by_folders(NAME, images, partial(_pairs, images, masks), partial(classes_beside, folder))
    return replace(layout, unused=(*layout.unused, *unread_lists(folder))) if None in layout.splits else layout


def _holds_pictures(folder: Path) -> bool:
    """Whether label images lie in the folder itself; other layouts have folders for splits or outlines there."""
    return folder.is_dir() and any(map(is_image, folder.iterdir()))


def _pairs(images: Path, masks: Path, part: str) -> tuple[Pair, ...]:
    return pairs_by_name(images / part, partner(masks, part))
