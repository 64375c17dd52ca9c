"""What every layout gives: pairs of files by split, and the classes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.label_file import LabelImage, read_label_image
from edgeseg.errors import DataError
from edgeseg.files import read_file
from edgeseg.orientation import UPRIGHT, orientation
from edgeseg.picture import picture_size, read_content

LARGEST_LIST = 2**26
"""Bytes of a list; one of COCO's 118287 images and their masks has some 9 MB."""


@dataclass(frozen=True)
class Pair:
    """The files of one labelled image."""

    image: Path
    mask: Path

    def label(self) -> LabelImage:
        """The label image.

        Raises:
            DataError: it cannot be read.
        """
        return read_label_image(self.mask)

    def masks(self, labels: Sequence[str]) -> NDArray[np.uint8] | None:
        """A mask for each label, uint8 (H, W, L): 1 where it holds, VOID where it does not count, else 0.

        Returns:
            The masks; None where the file holds one class a pixel, which say the same.

        Raises:
            DataError: a file cannot be read, or is no mask.
        """
        del labels
        return None

    def drawn_size(self) -> tuple[int, int] | None:
        """Height and width of the label as it is drawn; None where its own file says how that is turned, or no size.

        Raises:
            DataError: it cannot be read.
        """
        content = read_content(self.mask)
        size = picture_size(content)
        return size[::-1] if size is not None and orientation(content) == UPRIGHT else None

    def label_content(self) -> bytes:
        """What the label is made from, for hashes.

        Raises:
            DataError: it cannot be read.
        """
        return read_content(self.mask)


Splits = dict[str | None, Callable[[], tuple[Pair, ...]]]


@dataclass(frozen=True)
class Layout:
    """A data set as it lies in a folder.

    Attributes:
        name: of the layout, "plain".
        splits: what lists the pairs of each split; the only key is None where the data set is not divided.
        classes: reads the classes.
        unused: a sentence for each kind of pictures, and each list, that no split reads.
        parts: of a data set that is not divided, as the pictures of one city: what lists those of each by its name.
    """

    name: str
    splits: Splits
    classes: Callable[[], Classes]
    unused: tuple[str, ...] = ()
    parts: Splits = field(default_factory=dict)


def read_text(path: Path) -> str:
    """A list of names or classes, UTF-8.

    Raises:
        DataError: it cannot be read, is too large, or no text.
    """
    try:
        return read_file(path, LARGEST_LIST).decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; check its permissions") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no UTF-8 text ({error.reason}); save it as that") from error


def is_file(path: Path) -> bool:
    """Whether a file of that name is there; names from lists may be none that a system knows."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def divided(folder: Path, pairs: Iterable[Pair], split: str) -> tuple[Pair, ...]:
    """A reproducible fifth of a data set's pairs as "val", the others as "train".

    A hash of its name decides, so that a pair that is added later moves none of the others; of its path, where there
    are folders, as in each an image.png may lie.
    """
    selection = []
    for pair in pairs:
        is_val = hashlib.sha256(os.fsencode(_name(folder, pair.image))).digest()[0] < 256 // 5
        if is_val == (split == "val"):
            selection.append(pair)
    return tuple(selection)


def _name(folder: Path, image: Path) -> str:
    """An image's path, without suffix, below the folder for images; its name where it lies elsewhere."""
    below = image.relative_to(folder).parts[1:] if image.is_relative_to(folder) else ()
    return PurePath(*(below or [image.name])).with_suffix("").as_posix()
