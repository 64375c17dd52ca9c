"""The classes of a data set: their names and colours, and how a mask file gives them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.errors import DataError
from edgeseg.json_fields import list_of, optional, read_json, required
from edgeseg.spec import MAX_CLASSES, Colour


@dataclass(frozen=True)
class Classes:
    """Class ids by position.

    Attributes:
        names: one a class.
        palette: one RGB colour a class.
        ignore: the id of pixels that count nowhere, None if there is none.
        ignore_colour: the colour that says so in coloured masks, None if there is none.
    """

    names: tuple[str, ...]
    palette: tuple[Colour, ...]
    ignore: int | None = None
    ignore_colour: Colour | None = None

    def __post_init__(self) -> None:
        if not 2 <= len(self.names) <= MAX_CLASSES:
            raise DataError(f"got {len(self.names)} classes, expected 2 to {MAX_CLASSES}: masks are uint8")
        if len(set(self.names)) != len(self.names):
            raise DataError(f"class names repeat in {', '.join(self.names)}; give each class a name of its own")
        colours = [*self.palette, *([self.ignore_colour] if self.ignore_colour else [])]
        if len(set(colours)) != len(colours):
            raise DataError("two classes have the same colour; give each class a colour of its own")
        if self.ignore is not None and not len(self.names) <= self.ignore <= 255:
            raise DataError(f"ignore id {self.ignore} must lie above the class ids, {len(self.names)} to 255")
        if self.ignore_colour is not None and self.ignore is None:
            raise DataError("got an ignore_colour without an ignore id; set ignore, 255 is usual")

    def label(self, mask: NDArray[Any], path: Path) -> NDArray[np.uint8]:
        """Class ids, uint8 (H, W), of a decoded mask file: ids (H, W), or BGR colours (H, W, 3).

        Args:
            mask: as OpenCV decoded it.
            path: for messages.

        Raises:
            DataError: the mask is no 8-bit image of one or three channels, or holds an id or colour that is no class.
        """
        if mask.dtype != np.uint8 or mask.ndim not in (2, 3) or (mask.ndim == 3 and mask.shape[2] != 3):
            raise DataError(f"{path} is {mask.shape} of {mask.dtype}, expected 8-bit class ids or RGB colours")
        if mask.ndim == 3:
            return self._from_colours(mask, path)
        known = np.zeros(256, bool)
        known[: len(self.names)] = True
        if self.ignore is not None:
            known[self.ignore] = True
        found = np.bincount(mask.ravel(), minlength=256) > 0
        if (found & ~known).any():
            also = "" if self.ignore is None else f" or {self.ignore} (ignored)"
            raise DataError(
                f"{path} holds the id {np.flatnonzero(found & ~known)[0]}, expected 0 to {len(self.names) - 1}{also}; "
                "correct the mask or the classes"
            )
        return mask

    def _from_colours(self, mask: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
        keys, ids = self._colour_keys
        packed = mask.astype(np.uint32) @ np.array([1, 1 << 8, 1 << 16], np.uint32)  # BGR -> 0xRRGGBB
        at = np.minimum(np.searchsorted(keys, packed), len(keys) - 1)
        strange = packed[keys[at] != packed]
        if strange.size:
            raise DataError(f"{path} holds the colour #{int(strange[0]):06x}, which no class has; correct one of them")
        return ids[at]

    @functools.cached_property
    def _colour_keys(self) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Colours as 0xRRGGBB in rising order, and the id of each."""
        ids = {colour: index for index, colour in enumerate(self.palette)}
        if self.ignore_colour is not None and self.ignore is not None:
            ids[self.ignore_colour] = self.ignore
        pairs = sorted((red << 16 | green << 8 | blue, index) for (red, green, blue), index in ids.items())
        return np.array([key for key, _ in pairs], np.uint32), np.array([index for _, index in pairs], np.uint8)


def read_classes(path: Path) -> Classes:
    """Reads a classes.json.

    Raises:
        DataError: it cannot be read, or a field is missing or of the wrong kind.
    """
    data = read_json(path, error=DataError, unreadable="check its permissions", damaged="correct it")
    where = str(path)
    listed = list_of(data, "classes", dict, where=where, error=DataError)
    ignored = optional(data, "ignore_colour", list, where=where, error=DataError) if "ignore_colour" in data else None
    return Classes(
        names=tuple(required(each, "name", str, where=where, error=DataError) for each in listed),
        palette=tuple(_colour(required(each, "colour", list, where=where, error=DataError), where) for each in listed),
        ignore=optional(data, "ignore", int, where=where, error=DataError),
        ignore_colour=None if ignored is None else _colour(ignored, where),
    )


def _colour(levels: list[Any], where: str) -> Colour:
    if len(levels) != 3 or any(type(level) is not int or not 0 <= level <= 255 for level in levels):
        raise DataError(f"{where} has the colour {levels!r:.80}, expected three integers from 0 to 255")
    red, green, blue = levels
    return red, green, blue


CAMVID = Classes(
    names=(
        "Sky",
        "Building",
        "Pole",
        "Road",
        "Pavement",
        "Tree",
        "SignSymbol",
        "Fence",
        "Car",
        "Pedestrian",
        "Bicyclist",
    ),
    palette=(
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (60, 40, 222),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    ),
    ignore=11,
    ignore_colour=(0, 0, 0),
)
"""The 11 classes of CamVid, in the order, colours and with the void id that SegNet's authors gave them."""
