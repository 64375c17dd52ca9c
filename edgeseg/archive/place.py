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

Folders of videos are called like the videos. In a bucket a folder is there once its frames.parquet is, which is sent
last; and there is no lock.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from edgeseg.archive import store
from edgeseg.archive.address import Location, Object
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

    def __init__(self, root: Location) -> None:
        self.root = root

    @property
    def settings(self) -> Location:
        """What the masks are made with."""
        return self.root / RUN / "settings.json"

    def result(self, name: str) -> Location:
        """The folder of a finished video."""
        return self.root / name

    def pieces(self, name: str) -> Location:
        """The folder of a video on its way."""
        return self.root / RUN / name

    def plan(self, name: str) -> Location:
        """How it is cut."""
        return self.pieces(name) / "plan.json"

    def piece(self, name: str, number: int) -> Location:
        """The folder of a finished piece."""
        return self.pieces(name) / piece_name(number)

    def has(self, folder: Location) -> bool:
        """Whether a video or piece is finished.

        Raises:
            OutputError: the server of a bucket does not say.
        """
        return store.exists(folder, FRAMES)

    def new(self, folder: Location) -> AbstractContextManager[Path]:
        """An empty folder for a video or piece, which is finished when the block succeeds.

        Raises:
            OutputError: it cannot be written.
        """
        return store.new_folder(folder, FRAMES)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder, and keeps other runs out of it.

        Raises:
            OutputError: it cannot be made or written.
            SourceError: there is no such bucket, or it may not be looked into.
            UsageError: another run is at work in it.
        """
        if isinstance(self.root, Object):
            store.check(self.root)
            yield
            return
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


def piece_name(number: int) -> str:
    """Of a piece's folder, in that of its video."""
    return f"{number:04d}"


def warnings(piece: Path) -> list[str]:
    """What the source of a finished piece warned of; `piece` is its folder."""
    path = piece / WARNINGS
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []
