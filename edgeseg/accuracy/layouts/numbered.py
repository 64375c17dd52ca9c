"""Classes whose ids a data set gives, and no colours."""

from __future__ import annotations

from collections.abc import Mapping

from edgeseg.accuracy.classes import VOID, Classes

VOID_NAMES = frozenset({"void", "ignored", "unlabelled", "unlabeled"})


def numbered(names: Mapping[int, str]) -> Classes:
    """Classes by the ids that masks hold, with VOC's colours; those that are called as one of VOID_NAMES are ignored.

    Raises:
        DataError: the names are no classes.
    """
    void = {number for number, name in names.items() if name.lower() in VOID_NAMES}
    kept = [number for number in sorted(names) if number not in void]
    ids = {number: place for place, number in enumerate(kept)} | dict.fromkeys(void, VOID)
    return Classes(tuple(names[each] for each in kept), palette(len(kept)), VOID if void else None, None, ids, "ids")


def palette(number: int) -> tuple[tuple[int, int, int], ...]:
    """VOC's colours, RGB: the bits of an index are dealt to red, green and blue from the highest level down."""
    colours = []
    for index in range(number):
        levels = [0, 0, 0]
        for place in range(8):
            for channel in range(3):
                levels[channel] |= (index >> (3 * place + channel) & 1) << (7 - place)
        colours.append((levels[0], levels[1], levels[2]))
    return tuple(colours)
