"""Labelled images on disk, for training and for evaluation.

Two layouts are read:

    CamVid's                                  plain
    train/      images                        images/        images, or one folder a split
    trainannot/ 8-bit PNG, one class id a     masks/         8-bit PNG, class ids or colours; same folders
                pixel, the same file names    classes.json

    classes.json: {"classes": [{"name": "road", "colour": [128, 64, 128]}, ...], "ignore": 255}

Colours are red, green, blue. "ignore" is the id of pixels that count nowhere, or null; masks that are coloured may give
it a colour: "ignore_colour": [0, 0, 0]. CamVid's layout without a classes.json has CamVid's 11 classes.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.classes import CAMVID, Classes, read_classes
from edgeseg.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
"""What counts as an image; other files in the folders are not read."""

_ANNOTATIONS = "annot"


class Pair(NamedTuple):
    """The files of one labelled image."""

    image: Path
    mask: Path


@dataclass(frozen=True)
class Dataset:
    """One split of a data set: its files are paired when it is opened, and read one by one.

    Attributes:
        folder: of the data set.
        split: its name, None for the whole of a plain data set without splits.
        classes: names, palette, ignore id.
        pairs: the files, sorted by name.
    """

    folder: Path
    split: str | None
    classes: Classes
    pairs: tuple[Pair, ...]

    @classmethod
    def open(cls, folder: Path, split: str | None = None) -> Dataset:
        """Finds the layout and pairs the files of a split.

        Raises:
            DataError: the folder or split is not there, is empty, or an image or mask lacks its partner.
        """
        with _readable(folder):
            places = _places(folder)
            if split not in places:
                names = ", ".join(splits(folder))
                raise DataError(
                    f"{folder} has no split {split!r}, it has {names}: choose one"
                    if names
                    else f"{folder} has no split {split!r}; expected train/ and trainannot/, or images/ and masks/"
                )
            described = folder / "classes.json"
            if not described.is_file() and (folder / "images").is_dir():
                raise DataError(f"{folder} has images/ but no classes.json; write one with the names of its classes")
            classes = read_classes(described) if described.is_file() else CAMVID
            return cls(folder, split, classes, _pairs(*places[split]))

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        return (self.load(index) for index in range(len(self)))

    def load(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """One image and its label: uint8 (H, W, 3) in BGR, and uint8 (H, W) with class ids or the ignore id.

        Raises:
            DataError: a file cannot be decoded, the sizes differ, or the mask holds an id or colour that is no class.
        """
        image, mask = self.pairs[index]
        frame = _decode(image, cv2.IMREAD_COLOR)
        label = self.classes.label(_decode(mask, cv2.IMREAD_UNCHANGED), mask)
        if frame.shape[:2] != label.shape:
            raise DataError(
                f"{image} is {frame.shape[1]}x{frame.shape[0]}, its mask {mask} {label.shape[1]}x{label.shape[0]}; "
                "they must have one size"
            )
        return frame, label

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 over the content of all files of the split, images and masks in order; names do not matter."""
        whole = hashlib.sha256()
        for path in (path for pair in self.pairs for path in pair):
            with _readable(path):
                whole.update(hashlib.sha256(path.read_bytes()).digest())
        return whole.hexdigest()


def splits(folder: Path) -> list[str]:
    """Names of a data set's splits; none where it is not divided.

    Raises:
        DataError: the folder is not there.
    """
    return [name for name in _places(folder) if name is not None]


def _places(folder: Path) -> dict[str | None, tuple[Path, Path]]:
    """Where each split's images and masks lie."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder, expected a data set; check the path")
    return _plain_splits(folder) if (folder / "images").is_dir() else _camvid_splits(folder)


def _camvid_splits(folder: Path) -> dict[str | None, tuple[Path, Path]]:
    """Splits by name: folders X that have a folder Xannot beside them."""
    names = sorted(each.name.removesuffix(_ANNOTATIONS) for each in folder.glob(f"?*{_ANNOTATIONS}") if each.is_dir())
    return {name: (folder / name, folder / f"{name}{_ANNOTATIONS}") for name in names if (folder / name).is_dir()}


def _plain_splits(folder: Path) -> dict[str | None, tuple[Path, Path]]:
    """Splits by name: the folders in images/, or None for images/ itself where it has none."""
    images, masks = folder / "images", folder / "masks"
    names = sorted(each.name for each in images.iterdir() if each.is_dir() and not each.name.startswith("."))
    return {name: (images / name, masks / name) for name in names} if names else {None: (images, masks)}


def _pairs(images: Path, masks: Path) -> tuple[Pair, ...]:
    """Pairs files by name without suffix."""
    if not masks.is_dir():
        raise DataError(f"{images} has no masks: expected the folder {masks}")
    by_stem = [_by_stem(images), _by_stem(masks)]
    for stems, others, there in ((by_stem[0], by_stem[1], masks), (by_stem[1], by_stem[0], images)):
        alone = sorted(stems.keys() - others.keys())
        if alone:
            raise DataError(
                f"{stems[alone[0]]} has no partner of that name in {there} ({len(alone)} files have none); "
                "every image needs its mask: add what is missing"
            )
    if not by_stem[0]:
        raise DataError(f"{images} is empty, expected images ({', '.join(sorted(SUFFIXES))})")
    return tuple(Pair(by_stem[0][stem], by_stem[1][stem]) for stem in sorted(by_stem[0]))


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
            continue
        if path.stem in found:
            raise DataError(f"{found[path.stem]} and {path} share a name, by which partners are found; rename one")
        found[path.stem] = path
    return found


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns what the file system refuses into an error that names the place."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; check the path and its permissions") from error


def _decode(path: Path, flags: int) -> NDArray[Any]:
    """Reads an image file; OpenCV's own reader would not say why it failed, and breaks on some paths."""
    with _readable(path):
        content = np.frombuffer(path.read_bytes(), np.uint8)
    decoded = None
    with contextlib.suppress(cv2.error):  # it raises where there is nothing to read, or too much for its limits
        decoded = cv2.imdecode(content, flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if decoded is None:
        raise DataError(f"{path} cannot be decoded as an image ({content.size} bytes); is it cut off?")
    return decoded
