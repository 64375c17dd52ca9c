"""Sizes as people write them on a command line."""

from __future__ import annotations

from edgeseg.errors import UsageError
from edgeseg.spec import MAX_SIDE, MOST_PICTURES

ANY = 16
"""Pictures at once that "dynamic" stands for."""


def parse_batch(text: str | None) -> int:
    """Pictures at once of "8"; `ANY` for "dynamic", 1 for None.

    Raises:
        UsageError: it is written otherwise, or out of range.
    """
    if text is None:
        return 1
    if text == "dynamic":
        return ANY
    if not text.isdecimal() or not 1 <= int(text) <= MOST_PICTURES:
        raise UsageError(f"--batch is {text!r:.40}, expected 1 to {MOST_PICTURES} pictures at once, or dynamic ({ANY})")
    return int(text)


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Width and height of "480x360"; None for None.

    Raises:
        UsageError: it is written otherwise, or out of range.
    """
    if text is None:
        return None
    try:
        width, height = (int(part) for part in text.split("x"))
    except ValueError:
        width, height = 0, 0
    if not all(1 <= side <= MAX_SIDE for side in (width, height)):
        expected = f"WIDTHxHEIGHT such as 480x360, of 1 to {MAX_SIDE} pixels a side"
        raise UsageError(f"size is {text!r:.40}, expected {expected}")
    return width, height
