"""What every layout gives: pairs of files by split, and the classes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.classes import Classes
from edgeseg.accuracy.label_file import LabelImage, read_label_image
from edgeseg.errors import DataError
from edgeseg.files import LARGEST_TEXT, read_file, walk
from edgeseg.picture import read_content

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
"""What counts as an image; other files in the folders are not read."""

ALIASES = {"valid": "val", "validation": "val", "training": "train", "testing": "test"}
"""Names that people give to splits, and ours."""


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
        unused: files that lie where pictures are expected, and that no split reads.
    """

    name: str
    splits: Splits
    classes: Callable[[], Classes]
    unused: tuple[Path, ...] = ()


def read_text(path: Path) -> str:
    """A list of names or classes, UTF-8.

    Raises:
        DataError: it cannot be read, is too large, or no text.
    """
    try:
        return read_file(path, LARGEST_TEXT).decode("utf-8-sig")
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


def usual(split: str) -> str:
    """Our name of a split."""
    return ALIASES.get(split, split)


def images_in(folder: Path) -> list[Path]:
    """The images in a folder and all folders below it, sorted, as `walk` finds them."""
    found = [here / name for here, _, names in walk(folder) for name in names if Path(name).suffix.lower() in SUFFIXES]
    return sorted(path for path in found if path.is_file())


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, sorted; hidden ones are left out."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def pairs_by_name(images: Path, masks: Path, *, ends: tuple[str, str] = ("", "")) -> tuple[Pair, ...]:
    """Pairs files that have one place and name below their two folders, suffixes aside.

    Args:
        images: folder of the images.
        masks: folder of the label images.
        ends: what the names of images and of label images end in; names that end otherwise are left out.

    Raises:
        DataError: a folder is missing or empty, or a file has no partner or two.
    """
    if not masks.is_dir():
        raise DataError(f"{images} has no masks: expected the folder {masks}")
    by_key = [_by_key(folder, end) for folder, end in zip((images, masks), ends, strict=True)]
    for files, partners, place in ((by_key[0], by_key[1], masks), (by_key[1], by_key[0], images)):
        singles = sorted(files.keys() - partners.keys())
        if singles:
            raise DataError(
                f"{files[singles[0]]} has no partner of that name in {place} ({len(singles)} files have none); "
                "every image needs its mask: add what is missing"
            )
    if not by_key[0]:
        raise DataError(f"{images} is empty, expected images ({', '.join(sorted(SUFFIXES))})")
    return tuple(Pair(by_key[0][key], by_key[1][key]) for key in sorted(by_key[0]))


def _by_key(folder: Path, end: str) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in images_in(folder):
        if not path.stem.endswith(end):
            continue
        key = str(path.relative_to(folder).with_suffix("")).removesuffix(end)
        if key in files:
            raise DataError(f"{files[key]} and {path} share a name, by which partners are found; rename one")
        files[key] = path
    return files


def divided(pairs: Iterable[Pair], split: str) -> tuple[Pair, ...]:
    """A reproducible fifth of pairs as "val", the others as "train".

    A hash of its name decides, so that a pair that is added later moves none of the others.
    """
    selection = []
    for pair in pairs:
        is_val = hashlib.sha256(pair.image.stem.encode()).digest()[0] < 256 // 5
        if is_val == (split == "val"):
            selection.append(pair)
    return tuple(selection)
