"""The result of a race as rows of text, for the terminal and for the README alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.peers.contenders import OURS

if TYPE_CHECKING:
    from rich.console import Group

STAGES = {"decode": "decoding", "prepare": "resize", "infer": "network", "kernel": "arg-max"}


def head(races: list[dict[str, Any]]) -> list[str]:
    """The columns: two a race, and three that hold for the first one."""
    ours = " / ".join(races[0]["contenders"][0]["time_over_ours"])
    columns = ["", "equal pixels %"]
    for race in races:
        columns += [f"{race['width']}x{race['height']}{', overlay' * race['overlay']}: fps", f"time / ours in {ours}"]
    return [*columns, "core ms"]


def rows(result: dict[str, Any], races: list[dict[str, Any]]) -> list[list[str]]:
    """A row a contender of the first of some races; rivals first, as they stand in the result."""
    marks = _marks(result)
    found = []
    for each in sorted(races[0]["contenders"], key=lambda contender: not _listed_first(contender)):
        row = [f"{each['name']} {each['precision']}{marks.get(_key(each), '')}", f"{100 * each['agreement']:.2f}"]
        for race in races:
            there = next((other for other in race["contenders"] if _key(other) == _key(each)), None)
            row += ["-", "-"] if there is None else [f"{there['fps']:.1f}", _ratios(there)]
        found.append([*row, f"{each['core_ms']:.1f}"])
    return found


def notes(result: dict[str, Any]) -> list[str]:
    """What the marks mean, who is absent, where our time goes, what is to be held against the figures."""
    marks = _marks(result)
    numbered: dict[str, str] = {}
    for each in result["races"][0]["contenders"]:
        if _key(each) in marks:
            numbered[marks[_key(each)].strip()] = each["note"] or "other masks than ours"
    said = [f"{mark} {note}." for mark, note in sorted(numbered.items(), key=lambda item: len(item[0]))]
    said += [f"Absent: {name}: {reason}" for name, reason in result["absent"].items()]
    for precision, ours in result["ours"].items():
        stages = ours["stage_core_ms"]
        total = sum(stages.values())
        parts = ", ".join(f"{STAGES[name]} {taken:.1f} ({taken / total:.0%})" for name, taken in stages.items())
        said.append(f"Ours in {precision}, by {ours['engine']}; core ms a frame, each stage alone: {parts}.")
    software: dict[str, str] = {}
    for each in result["races"][0]["contenders"]:
        software |= each["software"]
    said.append("Versions: " + ", ".join(f"{name} {version}" for name, version in sorted(software.items())) + ".")
    return said


def drawn(result: dict[str, Any]) -> Group:
    """The whole result for a terminal."""
    from rich.console import Group  # here, so that importing this module stays light
    from rich.table import Table
    from rich.text import Text

    parts: list[Any] = []
    for race in result["races"]:
        grid = Table(title=race["video"])
        for number, column in enumerate(head([race])):
            grid.add_column(column, justify="right" if number else "left")
        for row in rows(result, [race]):
            grid.add_row(*map(Text, row))
        parts.append(grid)
    said = [Text(each) for each in notes(result)]
    return Group(*parts, *said, *(Text(f"warning: {each}", style="yellow") for each in result["warnings"]))


def _key(contender: dict[str, Any]) -> tuple[str, str]:
    return contender["name"], contender["precision"]


def _listed_first(contender: dict[str, Any]) -> bool:
    return bool(contender["rival"]) or contender["name"] == OURS


def _ratios(contender: dict[str, Any]) -> str:
    return " / ".join(f"{each['median']:.2f}" for each in contender["time_over_ours"].values())


def _marks(result: dict[str, Any]) -> dict[tuple[str, str], str]:
    """A mark for each contender with a note, the same for the same note."""
    found: dict[tuple[str, str], str] = {}
    known: dict[str, str] = {}
    for each in result["races"][0]["contenders"]:
        if each["note"] or not each["rival"]:
            note = each["note"] or "other masks than ours"
            found[_key(each)] = known.setdefault(note, f" [{len(known) + 1}]")
    return found
