"""Where the results of a run lie, and what it needs to go on.

    OUT/
      day-1/cam.mp4/        a finished video: it appears whole
        masks.mov
        frames.parquet
        overlay.mkv         where overlays are asked for
      .batch/
        settings.json       what the masks are made with
        lock                held by the run that is at work
        day-1/cam.mp4/      a video on its way
          plan.json         how it is cut
          0000/ 0001/ ...   its finished pieces, each of which appears whole
            warnings.json   of its source, if there are any

Folders of videos are called like the videos.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeseg.errors import OutputError, UsageError
from edgeseg.temporary import lock

RUN = ".batch"
"""The folder of the run's own files."""

MASKS, FRAMES, OVERLAY = "masks.mov", "frames.parquet", "overlay.mkv"

WARNINGS = "warnings.json"
"""Of a piece."""


class Place:
    """The folder of a run's results.

    Attributes:
        root: it itself.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def settings(self) -> Path:
        """What the masks are made with."""
        return self.root / RUN / "settings.json"

    def result(self, name: str) -> Path:
        """The folder of a finished video."""
        return self.root / name

    def pieces(self, name: str) -> Path:
        """The folder of a video on its way."""
        return self.root / RUN / name

    def plan(self, name: str) -> Path:
        """How it is cut."""
        return self.pieces(name) / "plan.json"

    def piece(self, name: str, number: int) -> Path:
        """The folder of a finished piece."""
        return self.pieces(name) / f"{number:04d}"

    def warnings(self, name: str, number: int) -> list[str]:
        """What the source of a finished piece warned of."""
        path = self.piece(name, number) / WARNINGS
        return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder, and keeps other runs out of it.

        Raises:
            OutputError: it cannot be made or written.
            UsageError: another run is at work in it.
        """
        try:
            (self.root / RUN).mkdir(parents=True, exist_ok=True)
            handle = os.open(self.root / RUN / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise OutputError(
                f"cannot write into {self.root}: {error.strerror}; choose a folder that can be written"
            ) from error
        try:
            if lock(handle) is False:
                raise UsageError(f"another run is at work in {self.root}; wait for its end, or choose another --out")
            yield
        finally:
            os.close(handle)
