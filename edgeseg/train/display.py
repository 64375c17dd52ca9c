"""What a run shows in the terminal: a bar that counts steps, and a line an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from edgeseg.train.history import Epoch


class Display:
    """A bar of `steps` steps, on stderr."""

    def __init__(self, bar: Progress, steps: int, step: int) -> None:
        self._bar = bar
        self._task = bar.add_task("train", total=steps, completed=step, text="")

    def step(self, step: int, loss: float, images_per_second: float) -> None:
        """Shows that so many steps are done."""
        self._bar.update(self._task, completed=step, text=f"loss {loss:.3f}  {images_per_second:.1f} images/s")

    def epoch(self, epoch: Epoch, epochs: int) -> None:
        """Prints an epoch's line above the bar."""
        measured = "" if epoch.val_miou is None else f"  val mIoU {epoch.val_miou:.2f} %"
        self._bar.console.print(
            f"epoch {epoch.epoch}/{epochs}  loss {epoch.loss:.4f}  {epoch.images_per_second:.1f} images/s{measured}"
        )


@contextmanager
def display(steps: int, step: int) -> Iterator[Display]:
    """Shows a run of so many steps, the first of them done already."""
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), "{task.fields[text]}")
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield Display(bar, steps, step)
