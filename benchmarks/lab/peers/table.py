"""The figures of workloads as rows of text, for the terminal and for Markdown alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.peers.peer import OURS

if TYPE_CHECKING:
    from rich.console import Group

STAGES = {"decode": "decoding", "prepare": "resize", "infer": "network", "kernel": "arg-max"}


def head(workloads: list[dict[str, Any]]) -> list[str]:
    """The columns: two a workload, and three that hold for the first one."""
    ours = " / ".join(workloads[0]["peers"][0]["time_over_ours"])
    columns = ["", "equal pixels %"]
    for workload in workloads:
        size = f"{workload['width']}x{workload['height']}{', overlay' * workload['overlay']}"
        columns += [f"{size}: fps", f"time / ours in {ours}"]
    return [*columns, "core ms"]


def rows(result: dict[str, Any], workloads: list[dict[str, Any]]) -> list[list[str]]:
    """A row for each peer of the first workload; those that do the same work come first."""
    marks = _marks(result)
    table = []
    for each in sorted(workloads[0]["peers"], key=lambda peer: not _listed_first(peer)):
        row = [f"{each['name']} {each['precision']}{marks.get(_key(each), '')}", f"{100 * each['agreement']:.2f}"]
        for workload in workloads:
            same = next((other for other in workload["peers"] if _key(other) == _key(each)), None)
            row += ["-", "-"] if same is None else [f"{same['fps']:.1f}", _ratios(same)]
        table.append([*row, f"{each['core_ms']:.1f}"])
    return table


def notes(result: dict[str, Any]) -> list[str]:
    """What the marks mean, which peers are absent, where our time goes, versions."""
    marks = _marks(result)
    numbered: dict[str, str] = {}
    for each in result["workloads"][0]["peers"]:
        if _key(each) in marks:
            numbered[marks[_key(each)].strip()] = each["note"] or "other masks than ours"
    lines = [f"{mark} {note}." for mark, note in sorted(numbered.items(), key=lambda item: len(item[0]))]
    lines += [f"Absent: {name}: {reason}" for name, reason in result["absent"].items()]
    for precision, ours in result["ours"].items():
        stages = ours["stage_core_ms"]
        total = sum(stages.values())
        parts = ", ".join(f"{STAGES[name]} {ms:.1f} ({ms / total:.0%})" for name, ms in stages.items())
        lines.append(f"Ours in {precision}, by {ours['engine']}; core ms a frame, each stage alone: {parts}.")
    software: dict[str, str] = {}
    for each in result["workloads"][0]["peers"]:
        software |= each["software"]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(software.items()))
    return [*lines, f"Versions: {versions}."]


def for_terminal(result: dict[str, Any]) -> Group:
    """The whole result for a terminal."""
    from rich.console import Group  # here, so that importing this module stays light
    from rich.table import Table
    from rich.text import Text

    parts: list[Any] = []
    for workload in result["workloads"]:
        grid = Table(title=workload["video"])
        for number, column in enumerate(head([workload])):
            grid.add_column(column, justify="right" if number else "left")
        for row in rows(result, [workload]):
            grid.add_row(*map(Text, row))
        parts.append(grid)
    warnings = [Text(f"warning: {each}", style="yellow") for each in result["warnings"]]
    return Group(*parts, *map(Text, notes(result)), *warnings)


def _key(peer: dict[str, Any]) -> tuple[str, str]:
    return peer["name"], peer["precision"]


def _listed_first(peer: dict[str, Any]) -> bool:
    return bool(peer["comparable"]) or peer["name"] == OURS


def _ratios(peer: dict[str, Any]) -> str:
    return " / ".join(f"{each['median']:.2f}" for each in peer["time_over_ours"].values())


def _marks(result: dict[str, Any]) -> dict[tuple[str, str], str]:
    """A mark for each peer with a note, the same for the same note."""
    marks: dict[tuple[str, str], str] = {}
    known: dict[str, str] = {}
    for each in result["workloads"][0]["peers"]:
        if each["note"] or not each["comparable"]:
            note = each["note"] or "other masks than ours"
            marks[_key(each)] = known.setdefault(note, f" [{len(known) + 1}]")
    return marks
