"""The plain layout, edgeseg's own: `edgeseg data convert` writes it.

    images/        images, or a folder for each split, with folders of any depth in it; also another of IMAGES
    masks/         8-bit PNG with class ids or colours; the same folders and names; also another of MASKS
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
from edgeseg.accuracy.layouts.split_folders import (
    IMAGES,
    MASKS,
    TEST,
    folder_called,
    folders_by_split,
    layout_by_folders,
    partner,
)

NAME = "plain"
NEEDS = ("images", "masks", "classes.json")

_OURS, _OTHERS = MASKS[:2], MASKS[2:]
"""Masks that may be divided; other layouts have folders for splits or outlines in those of the other names."""


def find(folder: Path) -> Layout | None:
    """images/ with masks/ beside it, or others of that meaning."""
    images = folder_called(folder, IMAGES)
    masks = folder_called(folder, _OURS)
    if masks is None:
        others = (folder_called(folder, [name]) for name in _OTHERS)
        masks = next((each for each in others if each is not None and any(map(is_image, each.iterdir()))), None)
    if images is None or masks is None:
        return None
    layout = layout_by_folders(NAME, images, partial(_pairs, images, masks), partial(classes_beside, folder))
    if None in layout.splits:
        return replace(layout, unused=(*layout.unused, *unread_lists(folder)))
    return _without_bare_test(layout, images, masks)


def _without_bare_test(layout: Layout, images: Path, masks: Path) -> Layout:
    """The layout without a test split whose labels are kept back, if there is another."""
    test = folders_by_split(images).get(TEST)
    if test is None or len(layout.splits) == 1 or partner(masks, test.name).is_dir():
        return layout
    return replace(layout, splits={split: pairs for split, pairs in layout.splits.items() if split != TEST})


def _pairs(images: Path, masks: Path, part: str) -> tuple[Pair, ...]:
    return pairs_by_name(images / part, partner(masks, part))
