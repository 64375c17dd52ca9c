"""Pascal VOC's layout (host.robots.ox.ac.uk/pascal/VOC/voc2012, development kit, section 3).

JPEGImages/              2007_000032.jpg, ...
SegmentationClass/       2007_000032.png, ...   indexed PNG whose indices are class ids, 255 is void
ImageSets/Segmentation/  train.txt, val.txt     names, one a line
classes.json             only for other classes than VOC's 21
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from edgeseg.accuracy.classes import Classes, read_classes
from edgeseg.accuracy.layouts.layout import SUFFIXES, Layout, Pair, Splits, is_file, read_text, usual
from edgeseg.errors import DataError

NAME = "VOC"
NEEDS = ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation/*.txt")

NAMES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


def find(folder: Path) -> Layout | None:
    """JPEGImages/, SegmentationClass/ and lists of names."""
    images, masks = folder / "JPEGImages", folder / "SegmentationClass"
    lists = sorted((folder / "ImageSets" / "Segmentation").glob("*.txt"))
    if not (images.is_dir() and masks.is_dir() and lists):
        return None
    splits: Splits = {usual(each.stem): partial(_pairs, each, images, masks) for each in lists}
    file = folder / "classes.json"
    return Layout(NAME, splits, lambda: read_classes(file) if file.is_file() else VOC)


def _pairs(names: Path, images: Path, masks: Path) -> tuple[Pair, ...]:
    files = {each.stem: each for each in images.iterdir() if each.suffix.lower() in SUFFIXES}
    pairs = []
    for name in dict.fromkeys(line.split()[0] for line in read_text(names).splitlines() if line.strip()):
        mask = masks / f"{name}.png"
        if name not in files or not is_file(mask):
            place = masks if name in files else images
            raise DataError(f"{names} names {name}, which is not in {place}; add it or take it off the list")
        pairs.append(Pair(files[name], mask))
    if not pairs:
        raise DataError(f"{names} is empty, expected names of images, one a line")
    return tuple(pairs)


def palette(number: int) -> tuple[tuple[int, int, int], ...]:
    """VOC's colours, RGB: the bits of an index are dealt to red, green and blue from the highest level down."""
    colours = []
    for index in range(number):
        levels = [0, 0, 0]
        for place in range(8):
            for channel in range(3):
                levels[channel] |= (index >> (3 * place + channel) & 1) << (7 - place)
        colours.append((levels[0], levels[1], levels[2]))
    return tuple(colours)


VOC = Classes(NAMES, palette(len(NAMES)), 255, (224, 224, 192))
"""The 21 classes of VOC; its void is 255, drawn in a light yellow."""
