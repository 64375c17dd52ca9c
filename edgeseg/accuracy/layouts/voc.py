"""Pascal VOC's layout (host.robots.ox.ac.uk/pascal/VOC/voc2012, development kit, section 3).

JPEGImages/              2007_000032.jpg, ...
SegmentationClass/       2007_000032.png, ...   indexed PNG whose indices are class ids, 255 is void
ImageSets/Segmentation/  train.txt, val.txt     names, one a line, or paths as in path_lists.py (trainaug.txt)
classes.json             only for other classes than VOC's 21
class_names.txt          LabelMe's labelme2voc writes it, and no lists: names in the order of the ids
labelmap.txt             CVAT and Datumaro write it: name:red,green,blue:parts:actions, one a line; masks are coloured
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.classes_file import read_classes
from edgeseg.accuracy.layouts.class_lists import names_in_order
from edgeseg.accuracy.layouts.layout import Layout, Pair, Splits, read_text
from edgeseg.accuracy.layouts.name_lists import NameList
from edgeseg.accuracy.layouts.numbered import palette
from edgeseg.accuracy.layouts.pairing import files_by_name, pairs_by_name
from edgeseg.accuracy.layouts.split_folders import by_split
from edgeseg.errors import DataError

NAME = "VOC"
NEEDS = ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation/*.txt")

NAMES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


_MASKS = frozenset({".png"})
_CLASS_NAMES = "class_names.txt"
_WHOLE = "default"
_VOID = "ignored"
"""What CVAT and Datumaro call the one list of all images, and the label of pixels that count nowhere."""


def find(folder: Path) -> Layout | None:
    """JPEGImages/, SegmentationClass/, and lists of names or LabelMe's list of classes."""
    images, masks = folder / "JPEGImages", folder / "SegmentationClass"
    lists = sorted((folder / "ImageSets" / "Segmentation").glob("[!.]*.txt"))
    if (folder / f"{masks.name}PNG").is_dir():  # labelme2voc, which used to keep arrays in the other
        masks = folder / f"{masks.name}PNG"
    if not (images.is_dir() and masks.is_dir()):
        return None
    if not lists and (folder / _CLASS_NAMES).is_file():
        return Layout(NAME, {None: partial(pairs_by_name, images, masks)}, partial(_classes, folder))
    if not lists:
        return None
    alone = [each.stem for each in lists] == [_WHOLE]
    named = by_split((None if alone else each.stem, each) for each in lists)
    splits: Splits = {split: partial(_pairs, each, images, masks) for split, each in named.items()}
    return Layout(NAME, splits, partial(_classes, folder))


def _classes(folder: Path) -> Classes:
    described, labels = folder / "classes.json", folder / "labelmap.txt"
    if described.is_file():
        return read_classes(described)
    if labels.is_file():
        return _read_labelmap(labels)
    if (folder / _CLASS_NAMES).is_file():
        return names_in_order(folder / _CLASS_NAMES)
    return VOC


def _read_labelmap(path: Path) -> Classes:
    """The labels in the order of the file; one without a colour has VOC's."""
    colours: dict[str, tuple[int, int, int]] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, *fields = line.strip().split(":")
        levels = fields[0].split(",") if fields else []
        if levels == [""]:
            levels = list(map(str, palette(len(colours) + 1)[-1]))
        if len(levels) != 3 or not all(each.isdecimal() and int(each) <= 255 for each in map(str.strip, levels)):
            raise DataError(f"line {number} of {path} is {line!r:.80}, expected name:red,green,blue:parts:actions")
        if name in colours:
            raise DataError(f"{path} has the label {name!r:.80} twice; give each a name of its own")
        red, green, blue = map(int, levels)
        colours[name] = red, green, blue
    counted = [*colours].index(_VOID) + 1 < len(colours) if _VOID in colours else False  # indices would not be places
    void = colours.pop(_VOID, None)
    return Classes(tuple(colours), tuple(colours.values()), 255, void, reading="colours" if counted else None)


def _pairs(names: Path, images: Path, masks: Path) -> tuple[Pair, ...]:
    twice: dict[str, str] = {}
    pictures, labels = files_by_name(images, twice=twice), files_by_name(masks, suffixes=_MASKS, twice=twice)
    return NameList(names, (images, masks), _MASKS).pairs(pictures, labels, twice)


VOC = Classes(NAMES, palette(len(NAMES)), 255, (224, 224, 192))
"""The 21 classes of VOC; its void is 255, drawn in a light yellow."""
