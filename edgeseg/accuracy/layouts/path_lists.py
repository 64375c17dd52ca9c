"""Lists of pairs, as PaddleSeg, PIDNet and RELLIS-3D have them, whatever the folders are called.

train.txt  val.txt     paths of an image and its label image, one pair a line, from the data set's folder; also
                       train.lst or train_list.txt
classes.json           the classes, or another file of class_lists.py; without, the folders' own layout counts, if any

Spaces, a tab, a comma or a semicolon part the two paths. A list of images alone, as of a test split, is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from functools import partial
from pathlib import Path, PurePosixPath

from edgeseg.accuracy.layouts.class_lists import classes_beside, has_classes
from edgeseg.accuracy.layouts.layout import Layout, Pair, Splits, is_file, read_text
from edgeseg.accuracy.layouts.pairing import SUFFIXES, is_image, spellings
from edgeseg.accuracy.layouts.split_folders import ALIASES, LABELLED, SPLITS, by_split, folders_in, usual
from edgeseg.errors import DataError

NAME = "lists of pairs"
NEEDS = ("train.txt", "val.txt", "classes.json")

_BOTH = "trainval"

_IMAGE_ENDS = re.compile(rf"({'|'.join(map(re.escape, sorted(SUFFIXES)))})(?=[\s,;])", re.IGNORECASE)
"""Where the path of an image may end in a line; most of a text that is no list has none."""

_PARTING = " \t,;"


def find(folder: Path) -> Layout | None:
    """Classes, and a list in which some line gives two files that are there."""
    if not has_classes(folder):
        return None
    paired = [each for each in lists_in(folder) if any(pair_of(line, folder) for line in _lines(each[1]))]
    splits: Splits = {split: partial(_pairs, path, folder) for split, path in by_split(paired).items()}
    if not splits:
        return None
    unused = (*unread_lists(folder, {*splits}), *_unlisted_folders(folder))
    return Layout(NAME, splits, partial(classes_beside, folder), unused)


def unread_lists(folder: Path, read: Set[str | None] = frozenset()) -> tuple[str, ...]:
    """A sentence on each list of images alone that names one of LABELLED, unless that split is `read`."""
    lists = [path for split, path in lists_in(folder) if split in LABELLED and split not in read]
    return tuple(f"{path} is not read: give each of its lines the paths of an image and its mask" for path in lists)


def _unlisted_folders(folder: Path) -> Iterator[str]:
    """A sentence on each of LABELLED that has a folder, as in other layouts, and no list at all."""
    listed = {split for split, _ in lists_in(folder)}
    for split in (each for each in LABELLED if each not in listed):
        names = (split, *(name for name, ours in ALIASES.items() if ours == split))
        places = (place / name for place in (folder, *folders_in(folder)) for name in names)
        if (found := next(filter(Path.is_dir, places), None)) is not None:
            yield f"{found} is there, but no {split}.txt gives its pairs: write one"


def pair_of(line: str, folder: Path) -> Pair | None:
    """The two files that a line of a list names, if both are there; some lists begin paths with a slash."""
    for at in (found.end() for found in _IMAGE_ENDS.finditer(line)):
        image, mask = (_file(part.strip(_PARTING), folder) for part in (line[:at], line[at:]))
        if image and mask:
            return Pair(image, mask)
    return None


def add_pair(pairs: dict[Path, Pair], pair: Pair, path: Path) -> None:
    """Puts a pair of a list among the others by its image, once.

    Raises:
        DataError: the image is there with another mask.
    """
    if pairs.setdefault(pair.image, pair) != pair:
        raise DataError(f"{path} gives {pair.image} two masks; take one off the list")


def _file(name: str, folder: Path) -> Path | None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_relative_to(folder.absolute()):
        path = path.relative_to(folder.absolute())
    if ".." in path.parts or not is_image(Path(path)):
        return None
    return next((folder / each for each in spellings(str(path).lstrip("/")) if is_file(folder / each)), None)


def lists_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """The lists in a folder that are called as one of SPLITS, or as train and val together, each with that name."""
    for path in sorted(folder.iterdir()):
        split = usual(path.stem.removesuffix("_list"))
        if path.suffix in (".txt", ".lst") and split in (*SPLITS, _BOTH) and path.is_file():
            yield split, path


def _lines(path: Path) -> Iterator[str]:
    return filter(None, map(str.strip, read_text(path).splitlines()))


def _pairs(path: Path, folder: Path) -> tuple[Pair, ...]:
    pairs: dict[Path, Pair] = {}
    for line in _lines(path):
        pair = pair_of(line, folder)
        if pair is None:
            raise DataError(
                f"{path} has the line {line!r:.160}, expected the paths of an image and its mask in {folder}; correct "
                "it, or add the files"
            )
        add_pair(pairs, pair, path)
    return tuple(pairs.values())
