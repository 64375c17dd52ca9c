"""What a run leaves to look at: log.csv with a row an epoch, and curve.png drawn from it."""

from __future__ import annotations

import csv
import os
import warnings
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from edgeseg.atomic import atomic_file
from edgeseg.cache import cache_folder


@dataclass(frozen=True)
class Epoch:
    """A row of log.csv.

    Attributes:
        epoch: from 1.
        loss: mean over the epoch's steps.
        rate: learning rate at its end.
        images_per_second: crops a second, validation left out.
        val_miou: percent, of the averaged weights on the val split in float32; empty where it was not measured.
    """

    epoch: int
    loss: float
    rate: float
    images_per_second: float
    val_miou: float | None


def write_log(path: Path, epochs: list[Epoch]) -> None:
    """Writes all rows."""
    with atomic_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Epoch)])
        writer.writeheader()
        writer.writerows(asdict(epoch) for epoch in epochs)


def draw_curve(path: Path, epochs: list[Epoch], title: str) -> None:
    """Draws loss and, where measured, val mIoU over the epochs."""
    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))  # its list of fonts goes there
    from matplotlib.figure import Figure  # without pyplot: no display, no global state

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    left = figure.subplots()
    left.plot([epoch.epoch for epoch in epochs], [epoch.loss for epoch in epochs], color="tab:blue", label="loss")
    left.set(xlabel="epoch", ylabel="training loss")
    left.set_title(title, parse_math=False)  # a folder's name may hold dollars
    validated = [epoch for epoch in epochs if epoch.val_miou is not None]
    if validated:
        right = left.twinx()
        right.plot(
            [epoch.epoch for epoch in validated],
            [epoch.val_miou or 0.0 for epoch in validated],
            color="tab:orange",
            marker="o",
            label="val mIoU",
        )
        right.set_ylabel("val mIoU, %")
    left.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2)
    with atomic_file(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # of a name that the font cannot write
        figure.savefig(temporary, dpi=120)
