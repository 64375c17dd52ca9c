"""A mask for each label, which may overlap: what `edgeseg run --masks` writes of a network with such labels.

    images/            images, or a folder for each split, with folders of any depth in it
    masks/LABEL/       for each label one image of two levels, 0 and any other; the same folders and names as in images/

Labels are what the folders in masks/ are called; edgeseg/label_folder.py says how names are written that no folder has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.classes import VOID, Classes
from edgeseg.accuracy.label_file import LabelImage, read_label_image
from edgeseg.accuracy.layouts.layout import Layout, Pair
from edgeseg.accuracy.layouts.numbered import palette
from edgeseg.accuracy.layouts.pairing import is_image, pairs_by_name
from edgeseg.accuracy.layouts.split_folders import folders_in, layout_by_folders, partner, usual
from edgeseg.errors import DataError
from edgeseg.label_folder import label_of
from edgeseg.picture import read_content

NAME = "label folders"
NEEDS = ("images", "masks", "masks/LABEL", "masks/LABEL/*")

FEWEST = 2
"""Labels; a single one is a class beside a background."""


@dataclass(frozen=True)
class LabelPair(Pair):
    """An image and its mask of each label; `mask` is the first of them.

    Attributes:
        files: the masks by label.
    """

    files: tuple[tuple[str, Path], ...]

    def label(self) -> LabelImage:
        """Refused: the labels may overlap, and a pixel then has no one class."""
        raise DataError(
            f"{self.mask} is the mask of one label of {len(self.files)}, which may overlap; this needs one mask with a "
            "class for each pixel: give such a data set"
        )

    def masks(self, labels: Sequence[str]) -> NDArray[np.uint8]:
        """Reads the masks of these labels."""
        files = dict(self.files)
        masks = [two_levels(read_label_image(files[label]), files[label]) for label in labels]
        for label, mask in zip(labels, masks, strict=True):
            if mask.shape != masks[0].shape:
                raise DataError(f"{files[label]} and {files[labels[0]]} differ in size; they are masks of one image")
        return np.stack(masks, axis=-1)

    def label_content(self) -> bytes:
        """The files' contents, with the names of their labels."""
        return b"".join(label.encode() + read_content(path) for label, path in self.files)


def two_levels(image: LabelImage, path: Path) -> NDArray[np.uint8]:
    """1 where a mask is not 0, uint8 (H, W).

    Raises:
        DataError: it holds colours, or more levels than two.
    """
    if image.ids is None:
        raise DataError(f"{path} holds colours, expected a mask of two levels, 0 where its label does not hold")
    levels = np.unique(image.ids)
    if np.count_nonzero(levels) > 1:
        found = ", ".join(map(str, levels[:6])) + (" ..." if len(levels) > 6 else "")
        raise DataError(f"{path} holds the levels {found}, expected 0 and one other; was it saved as JPEG once?")
    return np.asarray(image.ids != 0, np.uint8)


def find(folder: Path) -> Layout | None:
    """images/ beside masks/, in which no folder means what one in images/ does: they are labels, no splits."""
    images, masks = folder / "images", folder / "masks"
    if not (images.is_dir() and masks.is_dir()):
        return None
    labels = folders_in(masks)
    shared = {usual(each.name) for each in labels} & {usual(each.name) for each in folders_in(images)}
    if len(labels) < FEWEST or shared or any(is_image(path) for path in masks.iterdir()):
        return None
    names = tuple(label_of(each.name) for each in labels)
    classes = partial(Classes, names, palette(len(names)), VOID, None, reading="ids")
    return layout_by_folders(NAME, images, partial(_pairs, images, labels), classes)


def _pairs(images: Path, labels: Sequence[Path], part: str) -> tuple[LabelPair, ...]:
    by_label = [pairs_by_name(images / part, partner(label, part)) for label in labels]
    return tuple(
        LabelPair(
            together[0].image,
            together[0].mask,
            tuple((label_of(label.name), pair.mask) for label, pair in zip(labels, together, strict=True)),
        )
        for together in zip(*by_label, strict=True)  # each has a partner for every image
    )
