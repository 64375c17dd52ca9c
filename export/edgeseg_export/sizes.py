"""Sizes as people write them on a command line."""

from __future__ import annotations

from edgeseg.errors import UsageError


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Width and height of "480x360"; None for None.

    Raises:
        UsageError: it is written otherwise.
    """
    if text is None:
        return None
    try:
        width, height = (int(part) for part in text.split("x"))
    except ValueError:
        raise UsageError(f"size is {text!r}, expected WIDTHxHEIGHT such as 480x360") from None
    return width, height
