"""What a run shows in the terminal: a bar that counts steps, and a line an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edgeseg.progress import Progress, progress_bar
from edgeseg.terminal import make_console
from edgeseg.train.history import Epoch


class Display:
    """A bar that counts steps, on stderr."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def step(self, step: int, loss: float, images_per_second: float) -> None:
        """Shows that so many steps are done."""
        self._progress(step, note=f"loss {loss:.3f}  {images_per_second:.1f} images/s")

    def epoch(self, epoch: Epoch, epochs: int) -> None:
        """Prints an epoch's line above the bar."""
        measured = "" if epoch.val_miou is None else f"  val mIoU {epoch.val_miou:.2f} %"
        make_console(stderr=True).print(
            f"epoch {epoch.epoch}/{epochs}  loss {epoch.loss:.4f}  {epoch.images_per_second:.1f} images/s{measured}"
        )


@contextmanager
def display(steps: int, step: int) -> Iterator[Display]:
    """Shows a run of so many steps, the first of them done already."""
    with progress_bar("train", total=steps, transient=False) as progress:
        progress(step)
        yield Display(progress)
