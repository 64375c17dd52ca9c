"""Lists of names, one a line, that divide pictures which lie in one folder, with their masks in another.

A name may have its suffix, the folder of the images before it, and, as in VOC's lists of one class, a number behind it.
A line may give both paths, as in path_lists.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Set
from pathlib import Path
from typing import NamedTuple

from edgeseg.accuracy.layouts.layout import Pair, read_text
from edgeseg.accuracy.layouts.pairing import SUFFIXES, composed, unread
from edgeseg.accuracy.layouts.path_lists import add_pair, pair_of
from edgeseg.errors import DataError

_FLAG = re.compile(r"(.*\S)\s+-?\d+", re.ASCII)


class NameList(NamedTuple):
    """A list of names.

    Attributes:
        path: of the list.
        places: folders of the images and of the label images.
        suffixes: of label images.
    """

    path: Path
    places: tuple[Path, Path]
    suffixes: Set[str] = SUFFIXES

    def names_any(self, pictures: Collection[str]) -> bool:
        """Whether a line gives one of these names."""
        return any(name in pictures for line in self._lines() for name in self._meant(line))

    def pairs(
        self, pictures: Mapping[str, Path], labels: Mapping[str, Path], twice: Mapping[str, str]
    ) -> tuple[Pair, ...]:
        """The pairs on the list, each once.

        Args:
            pictures: by place and name below their folder, without suffix.
            labels: likewise, by the names of the pictures.
            twice: a sentence for each name that several files have.

        Raises:
            DataError: the list cannot be read, is empty, or names what is not there.
        """
        images, masks = self.places
        pairs: dict[Path, Pair] = {}
        for line in self._lines():
            name = next((each for each in self._meant(line) if each in pictures), None)
            if name is None and (pair := pair_of(line, images.parent)):
                add_pair(pairs, pair, self.path)
                continue
            if name is None or name not in labels:
                place, hint = (images, "") if name is None else (masks, unread(masks, name, self.suffixes))
                hint = hint or "add it or take it off the list"
                raise DataError(f"{self.path} names {line:.120}, which is not in {place}; {hint}")
            if name in twice:
                raise DataError(twice[name])
            add_pair(pairs, Pair(pictures[name], labels[name]), self.path)
        if not pairs:
            raise DataError(f"{self.path} is empty, expected names of images, one a line")
        return tuple(pairs.values())

    def _lines(self) -> Iterator[str]:
        return filter(None, map(str.strip, read_text(self.path).splitlines()))

    def _meant(self, line: str) -> Iterator[str]:
        """The names that a line may give."""
        flagged = _FLAG.fullmatch(line)
        for whole in map(composed, (line, flagged[1]) if flagged else (line,)):
            for name in (whole, whole.removeprefix(f"{self.places[0].name}/")):
                yield name
                if Path(name).suffix.lower() in SUFFIXES:
                    yield str(Path(name).with_suffix(""))
