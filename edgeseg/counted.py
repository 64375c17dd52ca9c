"""Things in sentences: how many there are ("1 frame", "3 frames"), and which the first are."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """The number and the noun, whose plural ends in "s"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def first_of(things: Sequence[object], most: int = 3) -> str:
    """The first of some things, and how many more there are."""
    more = len(things) - most
    return ", ".join(map(str, things[:most])) + (f" and {more} more" if more > 0 else "")
