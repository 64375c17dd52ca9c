"""Where in a TOML file each value stands; tomllib reads the values and tells no lines.

A file that tomllib has read is cut into its statements, which end at the first line break outside of strings and
brackets; each is then read by tomllib alone.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Place = tuple[str | int, ...]
"""Keys, and numbers in lists, from the top: ("cameras", "gate", "rules", 0)."""

_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?""""{0,2}'''  # up to two quotes of its own may stand before those that end it
    r"""|'''.*?''''{0,2}"""
    r"""|"(?:\\.|[^"\\])*"|'[^']*'"""
    r"""|\#[^\n]*|[\[\]{}\n]|[^"'\#\[\]{}\n]+""",
    re.DOTALL,
)
_DEPTH = {"[": 1, "{": 1, "]": -1, "}": -1}


def lines_of(text: str) -> dict[Place, int]:
    """The line, from 1, on which the statement begins that gives each value.

    Args:
        text: what tomllib reads.
    """
    lines: dict[Place, int] = {}
    lengths: Counter[Place] = Counter()  # of the lists of tables so far
    table: Place = ()
    for line, statement in _statements(text):
        data = tomllib.loads(statement)
        if statement.startswith("["):
            table = _table(data, lengths, more=statement.startswith("[["))
            lines[table] = line
        else:
            lines.update((table + place, line) for place in _places(data))
    return lines


def line_of(lines: dict[Place, int], place: Place) -> int:
    """The line of a value, or else of what it would be in; 1 where there is nothing like it."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement, comments left out, with the number of its first line."""
    line, first, depth = 1, 1, 0
    parts: list[str] = []
    for token in _TOKEN.findall(text + "\n"):
        depth += _DEPTH.get(token, 0)
        line += token.count("\n")
        if token == "\n" and depth == 0:
            if statement := "".join(parts).strip():
                yield first, statement
            parts, first = [], line
        elif not token.startswith("#"):
            parts.append(token)


def _table(data: Any, lengths: Counter[Place], *, more: bool) -> Place:
    """The place of the table that a header such as [a.b] begins; `more`: it is [[a.b]], one more of a list."""
    place: Place = ()
    while data:
        ((key, data),) = data.items()
        place += (key,)
        if isinstance(data, list):  # the last key of [[a.b]]
            data = data[0]
            break
        if place in lengths:
            place += (lengths[place] - 1,)
    if more:
        lengths[place] += 1
        place += (lengths[place] - 1,)
    return place


def _places(data: dict[str, Any]) -> Iterator[Place]:
    """The places of all values in a table, and in what these hold."""
    found: list[tuple[Place, Any]] = [((), data)]
    while found:
        place, value = found.pop()
        if place:
            yield place
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        found += [((*place, key), each) for key, each in inner]
