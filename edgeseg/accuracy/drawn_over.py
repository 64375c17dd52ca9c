"""Over what a label image was drawn, where EXIF turns its picture: over the stored pixels, or over what is shown.

Most tools show pictures turned and write masks to match; those that read the pixels alone, as Pillow does, write them
as stored.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Literal

from edgeseg.accuracy.layouts.layout import Pair
from edgeseg.errors import DataError
from edgeseg.orientation import SIDEWAYS, UPRIGHT, orientation
from edgeseg.picture import picture_size, read_content

OVER_STORED = (
    "the sizes of some masks show that they were drawn over the stored pictures, which EXIF turns; those whose sizes "
    "do not tell are taken to be so too, and turned with their pictures"
)
"""What is said where the sizes of some masks decide for those whose sizes fit either way."""

Drawn = Literal["stored", "shown", "either"]


def drawn_over(pair: Pair, content: bytes) -> Drawn | None:
    """What sizes tell of a pair.

    Args:
        pair: whose label image is looked at.
        content: of its picture's file.

    Returns:
        "either" where stored and shown pictures have one size; None where EXIF does not turn the picture, or the label
        image has an orientation of its own, which counts.

    Raises:
        DataError: the label image cannot be read.
    """
    by = orientation(content)
    drawn = None if by == UPRIGHT else pair.drawn_size()
    size = picture_size(content)
    if drawn is None or size is None:
        return None
    if by < SIDEWAYS or size[0] == size[1]:
        return "either"
    return "stored" if drawn == size[::-1] else "shown"


def all_over_stored(pairs: Iterable[Pair]) -> bool:
    """Whether sizes tell of some pairs that they were drawn over the stored picture, and of none the contrary.

    Files that cannot be read are passed over: who reads them says so.
    """
    found = False
    for pair in pairs:
        with contextlib.suppress(DataError):
            over = drawn_over(pair, read_content(pair.image))
            if over == "shown":
                return False
            found = found or over == "stored"
    return found
