"""Images as a source: one file, or a folder in natural order (2.png before 10.png)."""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from edgeseg.counted import first_of
from edgeseg.errors import DataError, SourceError
from edgeseg.picture import read_picture, series_depth
from edgeseg.video.source import NOMINAL_FPS, Frame, Source, check_file

_NUMBER = re.compile(r"%0?(\d*)d")

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".webp", ".tif", ".tiff")

RAW = frozenset([".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf"])
"""What a camera's sensor saw, in the format of its maker."""

OTHER_PICTURES = RAW.union(
    [".avif", ".heic", ".heif", ".jxl", ".jp2", ".j2k", ".exr", ".hdr"],
    [".gif", ".svg", ".psd", ".pcx", ".tga", ".ppm", ".pgm", ".pbm", ".pnm"],
)
"""Pictures that somebody may expect to be read, and that are not."""

MOST_LOOKED_AT = 10_000
"""Entries below a folder among which images are looked for, to name it: there may be a whole disk below."""


def is_image(path: Path) -> bool:
    """Whether the file's extension is an image's."""
    return path.suffix.lower() in SUFFIXES


def is_pattern(path: Path) -> bool:
    """Whether the name stands for numbered images, as `img%04d.png` does; a file that is called so comes first."""
    return is_image(path) and _NUMBER.search(path.name) is not None and not path.exists()


def numbered(path: Path) -> list[Path]:
    """The images that a name with one `%d` or `%04d` stands for."""
    before, digits, after = _NUMBER.split(path.name, maxsplit=1)
    width = int(digits or 0)
    name = re.compile(rf"{re.escape(before)}(\d{{{max(width, 1)},}}){re.escape(after)}", re.ASCII)
    return [each for each in path.parent.iterdir() if name.fullmatch(each.name)]


def missing(path: Path, found: list[Path]) -> list[str]:
    """A sentence on the numbers that are not there between the first and the last of numbered images."""
    before, _, after = _NUMBER.split(path.name, maxsplit=1)
    numbers = sorted({int(each.name[len(before) : len(each.name) - len(after)]) for each in found})
    gaps = [(one + 1, other - 1) for one, other in itertools.pairwise(numbers) if other > one + 1]
    if not gaps:
        return []
    lacking = sum(last - first + 1 for first, last in gaps)
    spans = [str(first) if first == last else f"{first} to {last}" for first, last in gaps]
    return [f"{path}: {lacking} numbers between {numbers[0]} and {numbers[-1]} are not there: {first_of(spans, 5)}"]


def natural_key(path: Path) -> list[tuple[int, str]]:
    """Sorts digits in a name by their value."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part.lower()) for part in parts]


def passed_over(folder: Path, listed: Iterable[Path]) -> list[str]:
    """Sentences on what lies in a folder of images and is not read: images in its folders, and pictures of other kinds.

    Args:
        folder: what is read.
        listed: what lies in it; hidden files and files that are no pictures need no word.
    """
    seen = [path for path in listed if path.name[0] != "."]
    folders = sorted((path for path in seen if path.is_dir()), key=natural_key)
    deeper = [path.name for path in folders if any(map(is_image, itertools.islice(path.rglob("*"), MOST_LOOKED_AT)))]
    others = Counter(path.suffix.lower() for path in seen if path.suffix.lower() in OTHER_PICTURES)
    sentences = []
    if deeper:
        sentences.append(
            f"{folder} holds folders with images, which are not read: {first_of(deeper, 5)}; run each by its path"
        )
    if others:
        kinds = ", ".join(f"{number} {suffix}" for suffix, number in sorted(others.items()))
        sentences.append(f"{folder} holds pictures of other kinds, which are not read: {kinds}; convert them")
    return sentences


class ImageSource(Source):
    """Images as `edgeseg.picture` reads them."""

    def __init__(self, path: Path) -> None:
        self.still = not (path.is_dir() or is_pattern(path))
        if not self.still:
            listed = list(path.iterdir()) if path.is_dir() else numbered(path)
            self._paths = sorted((p for p in listed if is_image(p) and p.name[0] != "."), key=natural_key)
            if not self._paths and not path.is_dir():
                raise SourceError(f"no file has a name like {path}; check the path")
            if not self._paths:
                others = "".join(f" ({sentence})" for sentence in passed_over(path, listed))
                raise SourceError(
                    f"the folder {path} holds no image, expected files that end in {', '.join(SUFFIXES)}{others}"
                )
        else:
            check_file(path)
            self._paths = [path]
        super().__init__(str(path), fps=NOMINAL_FPS, frame_count=len(self._paths))
        if path.is_dir():
            self.warnings += passed_over(path, listed)
        elif not self.still:
            self.warnings += missing(path, self._paths)
        self._stems = Counter(p.stem for p in self._paths)
        self._index = 0
        self._depth = series_depth(self._paths)
        self._noted: set[tuple[int | bool | None, ...]] = set()
        self._decode_first()

    def _read(self) -> Frame | None:
        if self._index == len(self._paths):
            return None
        index, self._index = self._index, self._index + 1
        path = self._paths[index]
        start = time.perf_counter()
        try:
            picture = read_picture(path, least=self._depth)
        except DataError as error:
            raise SourceError(str(error)) from error
        note = picture.note(path)
        if note is not None and (kind := picture[1:]) not in self._noted:
            self._noted.add(kind)
            self.warnings.append(note)
        name = path.stem if self._stems[path.stem] == 1 else path.name
        return Frame(index, picture.image, float(index / NOMINAL_FPS), start, time.perf_counter() - start, name)

    def close(self) -> None:
        """Nothing to free: each file is closed when it was read."""
