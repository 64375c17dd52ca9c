"""What rules look at: the share that each one's class has of its zone."""

from __future__ import annotations

from collections.abc import Sequence

from edgeseg.arrays import Mask
from edgeseg.serve.rules.zones import WHOLE, Corner, ZonePixels
from edgeseg.serve.settings import Rule, Zone


class RuleShares:
    """The shares of masks, of any sizes."""

    def __init__(self, zones: Sequence[Zone], rules: Sequence[Rule], classes: tuple[str, ...]) -> None:
        """Finds no pixels yet.

        Args:
            zones: that rules may name.
            rules: whose classes are among `classes`, and whose zones among `zones`.
            classes: names by class id.
        """
        self._rules, self._classes = tuple(rules), classes
        self._corners: dict[str | None, tuple[Corner, ...]] = {zone.name: zone.corners for zone in zones}
        self._corners[None] = WHOLE
        self._pixels: dict[str | None, ZonePixels] = {}

    def of(self, mask: Mask) -> list[float]:
        """A number for each rule, 0 to 1.

        Args:
            mask: class ids (height, width), or of labels that may overlap (classes, height, width).
        """
        size = mask.shape[-2:]
        shares = {}
        for zone in dict.fromkeys(rule.zone for rule in self._rules):
            pixels = self._pixels.get(zone)
            if pixels is None or pixels.size != size:
                pixels = self._pixels[zone] = ZonePixels(self._corners[zone], *size)
            shares[zone] = pixels.shares(mask, len(self._classes))
        return [float(shares[rule.zone][self._classes.index(rule.class_name)]) for rule in self._rules]

    def empty(self) -> list[str]:
        """A sentence on each zone in which the last mask has no pixel's centre: nothing is ever seen there."""
        return [
            f"zone {zone} has no pixel's centre in frames of {pixels.size[1]}x{pixels.size[0]}, and its rules never "
            "hold; make it larger"
            for zone, pixels in self._pixels.items()
            if zone is not None and not pixels.count
        ]
