"""The classes of a data set: their names and colours, and how a mask file gives them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from edgeseg.accuracy.label_file import LabelImage
from edgeseg.counted import first_of
from edgeseg.errors import DataError
from edgeseg.spec import MAX_CLASSES, Colour, is_line

Reading = Literal["ids", "colours"]
"""How label images give the class of a pixel: by a grey level or index, or by a colour."""

BLACK_WHITE: tuple[Colour, Colour] = ((0, 0, 0), (255, 255, 255))

VOID = 255
"""The ignore id of labels whose files number their classes in a way of their own."""


@dataclass(frozen=True)
class Classes:
    """Class ids by position.

    Attributes:
        names: one a class.
        palette: one RGB colour a class.
        ignore: the id of pixels that count nowhere, None if there is none.
        ignore_colour: the colour that says so in coloured masks, None if there is none.
        ids: class id, or ignore id, by the id that files hold; None where files hold the class ids themselves.
        reading: how label images are read; None where that is seen from the files.
    """

    names: tuple[str, ...]
    palette: tuple[Colour, ...]
    ignore: int | None = None
    ignore_colour: Colour | None = None
    ids: Mapping[int, int] | None = None
    reading: Reading | None = None

    def __post_init__(self) -> None:
        if len(self.names) == 1:
            raise DataError(
                f"got 1 class, {self.names[0]!r:.80}, expected 2 to {MAX_CLASSES}; the rest is a class too: add one, "
                "such as background"
            )
        if not 2 <= len(self.names) <= MAX_CLASSES:
            raise DataError(f"got {len(self.names)} classes, expected 2 to {MAX_CLASSES}: masks are uint8")
        for name in self.names:
            if not is_line(name):
                raise DataError(f"a class is called {name!r:.80}, expected a line of printable text; give it a name")
        if len(set(self.names)) != len(self.names):
            raise DataError(f"class names repeat in {', '.join(self.names)}; give each class a name of its own")
        owners: dict[Colour, list[str]] = {}
        for name, colour in zip((*self.names, "ignore_colour"), (*self.palette, self.ignore_colour), strict=True):
            if colour is not None:
                owners.setdefault(colour, []).append(name)
        for colour, names in owners.items():
            if len(names) > 1:
                raise DataError(
                    f"{' and '.join(names):.160} have the same colour {list(colour)}; give each a colour of its own"
                )
        if self.ignore is not None and not len(self.names) <= self.ignore <= 255:
            clash = f" (it is {self.names[self.ignore]!r:.80})" if 0 <= self.ignore < len(self.names) else ""
            raise DataError(
                f"ignore id {self.ignore} must lie above the class ids, {len(self.names)} to 255{clash}; where files "
                'number their classes otherwise, name those that count and give each its "id", as in '
                '{"name": "wall", "colour": [...], "id": 1}'
            )
        if self.ignore_colour is not None and self.ignore is None:
            raise DataError("got an ignore_colour without an ignore id; set ignore, 255 is usual")

    def to_json(self) -> dict[str, Any]:
        """classes.json of masks that hold these class ids."""
        entries = [
            {"name": name, "colour": list(colour)} for name, colour in zip(self.names, self.palette, strict=True)
        ]
        return {"classes": entries, "ignore": self.ignore, "masks": "ids"}

    def meaning(self, reading: Reading | None) -> bytes:
        """What files that are read that way mean by ids and colours, for hashes; empty where ids are places."""
        ids = b"" if reading == "colours" or self.ids is None else repr(sorted(self.ids.items())).encode()
        colours = b"" if reading == "ids" else repr((self.palette, self.ignore_colour)).encode()
        return ids + colours

    def label(self, image: LabelImage, path: Path, reading: Reading | None = None) -> NDArray[np.uint8]:
        """Class ids, uint8 (H, W), of a label image.

        Args:
            image: as its file has it.
            path: for messages.
            reading: how it is read; by default `self.reading`, or as is usual for such a file, or the other way.

        Raises:
            DataError: an id or colour is no class, read either way.
        """
        reading = reading or self.reading_of([image]) or _usual([image])
        label, fault = self._read(image, reading)
        if label is not None:
            return label
        other: Reading = "colours" if reading == "ids" else "ids"
        fitting, other_fault = self._read(image, other)
        also = f'; if its {other} are meant, write "masks": "{other}" in classes.json' if fitting is not None else ""
        if fitting is None and other == "colours" and image.coloured:
            fault += f", and read by its palette it {other_fault}"
        raise DataError(f"{path} {fault}; correct the mask or the classes{also}")

    def reading_of(self, images: Iterable[LabelImage]) -> Reading | None:
        """The one way in which all these images can be read: the stated one, the usual one, or the other.

        Grey images that hold 0 and 255 alone are taken for black and white where classes have these colours, though as
        ids 0 and 255 (ignored) would fit too: the foreground would be gone, and nothing would say so. Those of one bit
        are black and white too, though as ids 0 and 1 the classes would be exchanged where white comes first.

        Returns:
            None where neither fits all, or there is none; where `reading` states it, no image is asked for.
        """
        if self.reading is not None:
            return self.reading
        images = list(images)
        if not images:
            return None
        if self.ids is None and {*BLACK_WHITE} == {*self.palette} and all(image.one_bit for image in images):
            return "colours"
        undecided = all(image.black for image in images)
        if self.white_fits_ignored and not undecided and all(image.black_and_white for image in images):
            return "colours"
        usual = _usual(images)
        if usual == "ids" and self.ids is None and self._shown_as_several(images):
            return "colours"
        readings: tuple[Reading, ...] = (usual, "colours" if usual == "ids" else "ids")
        return next((each for each in readings if all(self.fits(image, each) for image in images)), None)

    @functools.cached_property
    def white_fits_ignored(self) -> bool:
        """Whether there are two classes, black and white, and an id of 255 is ignored; not if each has an "id"."""
        meaning, known = self._id_table
        places = np.arange(len(self.names))
        numbered_by_place = known[places].all() and (meaning[places] == places).all()
        ignored = known[VOID] and meaning[VOID] == self.ignore
        return bool(numbered_by_place and ignored and {*BLACK_WHITE} == {*self.palette})

    def fits(self, image: LabelImage, reading: Reading) -> bool:
        """Whether every pixel has a class, or is ignored, if the image is read that way."""
        return self._read(image, reading)[0] is not None

    def shown_as_others(self, image: LabelImage) -> bool:
        """Whether the palette of a label image shows its ids, which fit, in the colours of other classes."""
        if not image.one_channel:
            return False
        ids, colours = (self._read(image, reading)[0] for reading in get_args(Reading))
        return ids is not None and colours is not None and not np.array_equal(ids, colours)

    def _shown_as_several(self, images: Iterable[LabelImage]) -> bool:
        """Whether palettes show an id as one class in one file and as another in another: so the id tells nothing."""
        shown: dict[int, int] = {}
        for image in images:
            ids, colours = (self._read(image, reading)[0] for reading in get_args(Reading))
            if ids is None or colours is None:
                return False
            for pair in np.unique(ids.astype(np.uint16) << 8 | colours):
                if shown.setdefault(int(pair) >> 8, int(pair) & 255) != int(pair) & 255:
                    return True
        return False

    def _read(self, image: LabelImage, reading: Reading) -> tuple[NDArray[np.uint8] | None, str]:
        """The label, or what stands against it."""
        if reading == "ids":
            return (None, "holds colours, no ids") if image.ids is None else self._from_ids(image.ids)
        return (None, "holds 16-bit ids, no colours") if image.colours is None else self._from_colours(image.colours)

    def _from_ids(self, ids: NDArray[Any]) -> tuple[NDArray[np.uint8] | None, str]:
        classes, known = self._id_table
        strange = np.flatnonzero((np.bincount(ids.ravel(), minlength=len(known)) > 0) & ~known)
        if strange.size:
            also = "" if self.ignore is None else f" or {self.ignore} (ignored)"
            numbered = 'where masks number their classes otherwise, give each its "id" in classes.json'
            by_place = f"0 to {len(self.names) - 1}{also} ({numbered})"
            expected = by_place if self.ids is None else _listed(sorted(self.ids))
            return None, f"holds the id {strange[0]}, expected {expected}"
        return (ids if self.ids is None and ids.dtype == np.uint8 else classes[ids]), ""

    def _from_colours(self, colours: NDArray[np.uint8]) -> tuple[NDArray[np.uint8] | None, str]:
        keys, ids = self._colour_table
        packed = colours.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)  # 0xRRGGBB
        at = np.minimum(np.searchsorted(keys, packed), len(keys) - 1)
        strange = packed[keys[at] != packed]
        if strange.size:
            colour = int(strange[0])
            levels = [colour >> 16, colour >> 8 & 255, colour & 255]
            ignorable = self.ignore is not None and self.ignore_colour is None
            also = f' (if it is to be ignored, write "ignore_colour": {levels} in classes.json)' if ignorable else ""
            known = [f"#{bytes(each).hex()} {name}" for each, name in zip(self.palette, self.names, strict=True)]
            return None, f"holds the colour #{colour:06x}, which no class has, expected {first_of(known)}{also}"
        return ids[at], ""

    @functools.cached_property
    def _id_table(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The class id of every id that a file of up to 16 bits may hold, and whether it has one."""
        named = range(len(self.names)) if self.ignore is None else (*range(len(self.names)), self.ignore)
        meaning = {each: each for each in named} if self.ids is None else dict(self.ids)
        classes, known = np.zeros(1 << 16, np.uint8), np.zeros(1 << 16, bool)
        classes[list(meaning)] = list(meaning.values())
        known[list(meaning)] = True
        return classes, known

    @functools.cached_property
    def _colour_table(self) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Colours as 0xRRGGBB in rising order, and the id of each."""
        ids = {colour: index for index, colour in enumerate(self.palette)}
        if self.ignore_colour is not None and self.ignore is not None:
            ids[self.ignore_colour] = self.ignore
        pairs = sorted((red << 16 | green << 8 | blue, index) for (red, green, blue), index in ids.items())
        return np.array([key for key, _ in pairs], np.uint32), np.array([index for _, index in pairs], np.uint8)


def _usual(images: list[LabelImage]) -> Reading:
    """What such files hold most often."""
    return "ids" if all(image.one_channel for image in images) else "colours"


def _listed(ids: list[int]) -> str:
    return ", ".join(map(str, ids[:12])) + (" ..." if len(ids) > 12 else "")
