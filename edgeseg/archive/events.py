"""Events in an archive: rules as a camera under `edgeseg serve` has them, in a file of their own.

    [zones]
    A = [[0.1, 0.5], [0.9, 0.5], [0.9, 1.0], [0.1, 1.0]]

    [[rules]]
    name = "somebody at the gate"
    when = { class = "Pedestrian", zone = "A", above = 0.02, for = 0.5 }

Shares of zones belong to a frame, and are found piece by piece; when a rule begins to hold and ends depends on the
frames before, and is found when the pieces are joined.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from edgeseg.errors import UsageError
from edgeseg.serve.camera_table import read_rules, read_zones
from edgeseg.serve.rules.trigger import Trigger
from edgeseg.serve.settings import Rule, Zone
from edgeseg.serve.toml_table import read_toml
from edgeseg.spec import Spec

SHARES = "shares"
"""The column of a piece's shares, one for each rule."""

FIELDS = (
    pa.field("holds", pa.list_(pa.string())),
    pa.field("events", pa.list_(pa.struct([pa.field("rule", pa.string()), pa.field("active", pa.bool_())]))),
)
"""The columns of a finished video."""


@dataclass(frozen=True)
class Watch:
    """What is watched for: the zones that rules may name, and the rules; at least one."""

    zones: tuple[Zone, ...]
    rules: tuple[Rule, ...]

    @classmethod
    def read(cls, path: Path, spec: Spec) -> Watch:
        """The rules in a file.

        Args:
            path: of the file, TOML.
            spec: of the network, whose classes rules name.

        Raises:
            UsageError: it cannot be read, or something in it is wrong; the sentence names file and line.
        """
        table = read_toml(path)
        zones = read_zones(table.table("zones"))
        rules = read_rules(table, zones, spec)
        table.finish()
        if not rules:
            raise UsageError(f'{path} has no rule; add one: [[rules]], name = "...", when = {{ class = "..." }}')
        return cls(zones, rules)

    def to_json(self) -> dict[str, Any]:
        """As settings are written."""
        zones = {zone.name: [list(corner) for corner in zone.corners] for zone in self.zones}
        return {"zones": zones, "rules": [asdict(rule) for rule in self.rules]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Watch:
        """What `to_json` gave.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is something else.
        """
        zones = tuple(
            Zone(name, tuple((float(x), float(y)) for x, y in corners)) for name, corners in data["zones"].items()
        )
        return cls(zones, tuple(Rule(**rule) for rule in data["rules"]))


class Row(NamedTuple):
    """Of a frame: the rules that hold, and those that begin or end with it."""

    holds: list[str]
    events: list[dict[str, Any]]


def rows(watch: Watch, frames: Iterable[tuple[float, list[float]]]) -> list[Row]:
    """Rules over a whole video.

    Args:
        watch: the rules.
        frames: of each, in order, its time in seconds and the share for each rule.
    """
    triggers = [Trigger(rule.above, rule.below, rule.seconds) for rule in watch.rules]
    found = []
    for time, shares in frames:
        events = [
            {"rule": rule.name, "active": trigger.active}
            for rule, trigger, share in zip(watch.rules, triggers, shares, strict=True)
            if trigger.update(share, time)
        ]
        found.append(Row([rule.name for rule, it in zip(watch.rules, triggers, strict=True) if it.active], events))
    return found
