"""How people lay out labelled images: one file a layout, found by what is in the folder.

A new layout is one new file with a function `find`, and its name in LAYOUTS. The first that finds
what it looks for is the layout.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from edgeseg.accuracy.layouts import (
    beside,
    camvid,
    cityscapes,
    coco,
    driving,
    label_folders,
    mapillary,
    mmseg,
    path_lists,
    plain,
    split_first,
    voc,
)
from edgeseg.accuracy.layouts.layout import Layout
from edgeseg.accuracy.layouts.split_folders import SPLITS, folders_in
from edgeseg.errors import DataError

LAYOUTS = (
    *(path_lists, label_folders, plain, camvid, voc, cityscapes, driving, mapillary, mmseg),
    *(split_first, beside, coco),
)

MOST_INNER = 100
"""Folders in a folder of no known layout that are looked into."""

ANY_FOLDERS = (
    "folders of any names do with a list train.txt, each of whose lines gives the paths of an image and its mask, and "
    "a classes.json (docs/own-data.md)"
)


def find_layout(folder: Path) -> Layout | None:
    """The layout of a data set; None if it is none of those that are known.

    Raises:
        DataError: the folder is not there or cannot be read, or its classes cannot.
    """
    try:
        if not folder.is_dir():
            raise DataError(f"{folder} is not a folder, expected a data set; check the path")
        layouts = (layout.find(folder) for layout in LAYOUTS)
        return next((layout for layout in layouts if layout is not None), None)
    except OSError as error:
        raise DataError(
            f"cannot read {folder}: {error.strerror or error}; check the path and its permissions"
        ) from error


def known_layout(folder: Path) -> Layout:
    """The layout of a data set.

    Raises:
        DataError: it is none of those that are known; or as `find_layout`.
    """
    layout = find_layout(folder)
    if layout is None:
        raise DataError(f"{folder} is no data set that edgeseg knows; {nearest(folder)}")
    return layout


def nearest(folder: Path) -> str:
    """What a folder that has no known layout lacks for the one that it resembles most, as a sentence's end.

    A folder for a split alone resembles none: train/ is everywhere. One that holds a data set, as some archives unpack
    to, lacks nothing else.
    """
    for inner in islice(_folders_below(folder), MOST_INNER):
        with suppress(DataError):
            if find_layout(inner) is not None:
                return f"its folder {inner.relative_to(folder)} is one: give {inner}"
    candidates = (plain, *LAYOUTS)  # of two that are as near, ours
    missing = {layout: [name for name in layout.NEEDS if not any(folder.glob(name))] for layout in candidates}
    near = [layout for layout in candidates if {*layout.NEEDS} - {*missing[layout]} - {*SPLITS}]
    if not near:
        return (
            "expected train/ and trainannot/, or images/ and masks/ with classes.json, or VOC's, Cityscapes', "
            f"MMSegmentation's or COCO's layout; {ANY_FOLDERS}"
        )
    layout = min(near, key=lambda each: len(missing[each]) / len(each.NEEDS))
    resembled = f"it resembles the layout {layout.NAME}, which also has {', '.join(missing[layout])}"
    return resembled if layout is path_lists else f"{resembled}; {ANY_FOLDERS}"


def _folders_below(folder: Path) -> Iterator[Path]:
    """The folders in a folder, then those in them, as in VOCdevkit/VOC2012."""
    inner = folders_in(folder)
    yield from inner
    for each in inner:
        with suppress(OSError):
            yield from folders_in(each)
