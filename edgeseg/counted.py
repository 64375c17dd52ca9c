"""Numbers of things in sentences: "1 frame", "3 frames"."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """The number and the noun, whose plural ends in "s"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
