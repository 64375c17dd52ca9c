"""A run: how far it has come, and the folder that holds everything it writes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgeseg.errors import OutputError, UsageError, WeightsError
from edgeseg.train.history import Epoch, draw_curve, write_log

CHECKPOINT, LOG, CURVE, WEIGHTS = "checkpoint.safetensors", "log.csv", "curve.png", "weights.safetensors"


@dataclass
class Run:
    """How far a run has come; saved in every checkpoint.

    Attributes:
        step: steps done.
        loss: sum of the losses of the epoch that is under way.
        seconds: spent on steps, over all processes that worked on the run; validation left out.
        epochs: the rows of the log.
    """

    step: int = 0
    loss: float = 0.0
    seconds: float = 0.0
    epochs: list[Epoch] = field(default_factory=list)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Run:
        """From what `to_json` gave.

        Raises:
            WeightsError: it is something else.
        """
        try:
            numbers = int(saved["step"]), float(saved["loss"]), float(saved["seconds"])
            return cls(*numbers, [Epoch(**row) for row in saved["epochs"]])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise WeightsError(f"the checkpoint does not say how far its run is ({error}); begin again") from error

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    def end_epoch(self, steps: int, rate: float, images_per_second: float, val_miou: float | None) -> Epoch:
        """Adds a row to the log for an epoch of that many steps, and begins the next one."""
        epoch = Epoch(self.step // steps, self.loss / steps, rate, round(images_per_second, 2), val_miou)
        self.epochs.append(epoch)
        self.loss = 0.0
        return epoch


@dataclass(frozen=True)
class RunFolder:
    """Where a run writes."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        """Everything that a resumed run needs."""
        return self.path / CHECKPOINT

    @property
    def weights(self) -> Path:
        """What the run is for; written at its end."""
        return self.path / WEIGHTS

    def check(self, resume: bool) -> None:
        """Neither begins a second run in a folder nor resumes one that is not there.

        Raises:
            UsageError: either was asked for.
        """
        if self.checkpoint.exists() and not resume:
            raise UsageError(f"{self.path} holds a run; give --resume to continue it, or another --out")
        if resume and not self.checkpoint.exists():
            raise UsageError(
                f"{self.path} holds no {CHECKPOINT} to resume from; leave --resume out to start a run there"
            )

    def make(self) -> None:
        """Makes the folder.

        Raises:
            OutputError: it cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {self.path}: {error.strerror}; choose another --out") from error

    def write_history(self, epochs: list[Epoch], title: str) -> None:
        """Writes the log, and the curve under that title."""
        write_log(self.path / LOG, epochs)
        draw_curve(self.path / CURVE, epochs, title)
