"""The progress bar of every job that counts something, on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What moves the bar."""

    def __call__(self, done: int, total: int | None = None, *, note: str = "") -> None:
        """So many are done, of so many if that is known; the note is written behind the bar."""


@contextmanager
def progress_bar(
    what: str, *, total: int | None = None, quiet: bool = False, transient: bool = True
) -> Iterator[Progress]:
    """Yields what moves the bar. It is drawn where stderr is a terminal, and others' output goes above it.

    Args:
        what: is counted.
        total: how many there are, where that is known before.
        quiet: draw nothing.
        transient: wipe the bar away in the end.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield _nothing
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bars(*columns, console=console, transient=transient, refresh_per_second=4) as bars:
        task = bars.add_task(what, total=total, note="")

        def progress(done: int, total: int | None = None, *, note: str = "") -> None:
            if total is None:
                bars.update(task, completed=done, note=note)
            else:
                bars.update(task, completed=done, total=total, note=note)

        yield progress


def _nothing(done: int, total: int | None = None, *, note: str = "") -> None:
    del done, total, note
