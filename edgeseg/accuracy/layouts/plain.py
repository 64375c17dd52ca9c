"""The plain layout, edgeseg's own: `edgeseg data convert` writes it.

    images/        images, or a folder for each split, with folders of any depth in it; also another of IMAGES
    masks/         8-bit PNG with class ids or colours; the same folders and names; also another of MASKS
    train.txt      names of images, one a line, and val.txt likewise, where no folders are splits; also in splits/
    classes.json   {"classes": [{"name": "road", "colour": [128, 64, 128]}, ...], "ignore": 255}

Colours are red, green, blue. "ignore" is the id of pixels that count nowhere, or null; masks that are coloured may give
it a colour: "ignore_colour": [0, 0, 0]. Files that number their classes otherwise give each class its "id" (or a list
of them), and "ignore" is then an id, or a list, of the files too. "masks": "ids" or "colours" settles what could be
read either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from edgeseg.accuracy.layouts.class_lists import classes_beside
from edgeseg.accuracy.layouts.layout import Layout, Pair, Splits
from edgeseg.accuracy.layouts.name_lists import NameList
from edgeseg.accuracy.layouts.pairing import called_alike, files_by_name, is_image, pairs_by_name
from edgeseg.accuracy.layouts.path_lists import lists_in, unread_lists
from edgeseg.accuracy.layouts.split_folders import (
    IMAGES,
    MASKS,
    SPLITS,
    TEST,
    by_split,
    folder_called,
    folders_by_split,
    folders_in,
    layout_by_folders,
    partner,
    usual,
)

NAME = "plain"
NEEDS = ("images", "masks", "classes.json")

_LISTS = (".", "splits", "split", "lists", "ImageSets", "ImageSets/Segmentation")
"""Folders in which lists of names may lie; the first that has some counts."""

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
    layout = replace(layout, unused=(*layout.unused, *_other_folders(folder, layout, images, masks)))
    if None not in layout.splits:
        return _without_bare_test(layout, images, masks)
    for place in (each for each in (folder / name for name in _LISTS) if each.is_dir()):
        if splits := _listed(place, images, masks):
            return replace(layout, splits=splits, parts={}, unused=(*layout.unused, *unread_lists(place, {*splits})))
    return replace(layout, unused=(*layout.unused, *unread_lists(folder)))


def _listed(place: Path, images: Path, masks: Path) -> Splits:
    """The splits of lists of names in a folder; none if no line of theirs gives a name that is there."""
    lists = {path: NameList(path, (images, masks)) for _, path in lists_in(place)}
    pictures = files_by_name(images, twice={}) if lists else {}
    read = (path for path, names in lists.items() if names.names_any(pictures))
    named = by_split((path.stem.removesuffix("_list"), path) for path in read)
    return {split: partial(_named_pairs, lists[path]) for split, path in named.items()}


def _named_pairs(names: NameList) -> tuple[Pair, ...]:
    twice: dict[str, str] = {}
    pictures, labels = (files_by_name(place, twice=twice) for place in names.places)
    return names.pairs(pictures, called_alike(pictures, labels)[0], twice)


def _other_folders(folder: Path, layout: Layout, images: Path, masks: Path) -> Iterator[str]:
    """A sentence on each folder of a split that is there and is not read."""
    for each in folders_in(folder):
        if usual(each.name) in SPLITS and folder_called(each, IMAGES) and folder_called(each, MASKS):
            yield f"{each} is not read, as {images} and {masks} are the data set; move either away"
    for each in folders_in(masks) if None not in layout.splits else ():
        if usual(each.name) in {*SPLITS} - {*layout.splits}:
            yield f"{each} has no images and is not read: expected the folder {images / each.name}"


def _without_bare_test(layout: Layout, images: Path, masks: Path) -> Layout:
    """The layout without a test split whose labels are kept back, if there is another."""
    test = folders_by_split(images).get(TEST)
    if test is None or len(layout.splits) == 1 or partner(masks, test.name).is_dir():
        return layout
    return replace(layout, splits={split: pairs for split, pairs in layout.splits.items() if split != TEST})


def _pairs(images: Path, masks: Path, part: str) -> tuple[Pair, ...]:
    return pairs_by_name(images / part, partner(masks, part))
