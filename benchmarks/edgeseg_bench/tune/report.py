"""What `edgeseg tune` found: a table for a terminal, a page with the plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from edgeseg.html_style import STYLE
from edgeseg_bench.report import svg
from edgeseg_bench.tune.choice import best
from edgeseg_bench.tune.search import INCLUDED, Budget, Trial

if TYPE_CHECKING:
    from rich.table import Table

HEAD = ("", "p50 ms", "p95 ms", "fps", "mIoU %", "images", "")


def rows(trials: Sequence[Trial], choice: Trial | None) -> list[list[str]]:
    """The texts of HEAD for each trial, the fastest first; those that were measured to the end before the others."""
    unbeaten = best(trials)
    ordered = sorted(trials, key=lambda trial: (trial.dropped is not None, trial.p95))
    return [_row(trial, trial is choice, trial.combination.name in unbeaten) for trial in ordered]


def table(trials: Sequence[Trial], choice: Trial | None, budget: Budget) -> Table:
    """The table for a terminal."""
    from rich.table import Table  # here, so that importing this module stays light
    from rich.text import Text

    grid = Table(title=_title(budget), caption=f"Timed: {INCLUDED}.", title_justify="left")
    for number, name in enumerate(HEAD):
        grid.add_column(name, justify="left" if number in (0, len(HEAD) - 1) else "right")
    for texts in rows(trials, choice):
        grid.add_row(*map(Text, texts), style="bold" if texts[-1].startswith("chosen") else "")
    return grid


def page(trials: Sequence[Trial], choice: Trial | None, budget: Budget, *, device: str, notes: Sequence[str]) -> str:
    """One HTML page that needs nothing but itself."""
    known = {
        trial.combination.name: trial.point()
        for trial in sorted(trials, key=lambda trial: trial.p95)
        if not trial.dropped and not math.isnan(trial.point()[1])
    }
    title = f"edgeseg tune on {device}"
    head = "".join(f"<th>{escape(name)}</th>" for name in HEAD)
    lines = (
        f"<th>{escape(name)}</th>" + "".join(f"<td>{escape(text)}</td>" for text in texts)
        for name, *texts in rows(trials, choice)
    )
    plot = (
        svg.plane(
            known,
            ("p95, milliseconds", "mIoU %"),
            front=best(trials),
            limits=(budget.max_latency_ms, budget.min_miou),
        )
        if known
        else "<p>No combination was measured to the end.</p>"
    )
    parts = [
        f"<h1>{escape(title)}</h1><p>{escape(_title(budget))}. Chosen: "
        f"{escape(choice.combination.name) if choice else 'nothing, as nothing keeps it'}.</p>",
        plot,
        "<p>Joined: those that no other one beats in both. Dashed: the budget.</p>",
        f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>",
        f"<p>Timed: {escape(INCLUDED)}. Dropped ones have the figures of the step that they failed.</p>",
        *(f"<p>{escape(note)}</p>" for note in notes),
    ]
    style = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{style}</head>\n<body>\n{"".join(parts)}\n</body></html>\n'


def nearest(trial: Trial | None) -> str:
    """What is said of the one that misses the budget by least."""
    if trial is None:
        return "no combination could be measured to the end"
    return f"the nearest is {trial.combination.name}: p95 {trial.p95:.1f} ms, mIoU {trial.miou:.2f} %"


def _title(budget: Budget) -> str:
    return f"budget: p95 at most {budget.max_latency_ms:g} ms, mIoU at least {budget.min_miou:g} %"


def _row(trial: Trial, chosen: bool, unbeaten: bool) -> list[str]:
    window = trial.window
    remark = trial.dropped or ", ".join(
        text for text, true in (("chosen", chosen), ("unbeaten", unbeaten), ("not steady", not trial.steady)) if true
    )
    times = ["-"] * 3 if window is None else [f"{window.p50:.1f}", f"{trial.p95:.1f}", f"{trial.fps:.1f}"]
    miou = "-" if trial.miou is None else f"{trial.miou:.2f}"
    return [trial.combination.name, *times, miou, str(trial.images or "-"), remark]
