"""One worker as an actor of Ray: `edgeseg.archive.worker.Worker` in a process somewhere in the cluster."""

from __future__ import annotations

import socket
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import edgeseg
from edgeseg.archive.address import Object
from edgeseg.archive.place import Place
from edgeseg.archive.pool import Start
from edgeseg.archive.settings import Settings
from edgeseg.archive.tasks import Outcome, Task
from edgeseg.archive.worker import Worker
from edgeseg.errors import EdgeSegError
from edgeseg.memory import keep_frames
from edgeseg.trust import NO_DEMAND

Files = Mapping[str, bytes]
"""A bundle's files by their paths in it: the machines of a cluster need not have it."""


def bundle_files(folder: Path) -> Files:
    """The files of a bundle.

    Raises:
        OSError: one cannot be read.
    """
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Actor:
    """A worker. Two threads call it: one has it work, the other asks how far it is."""

    def __init__(self) -> None:
        self._frames = 0
        self._worker: Worker | None = None

    def load(self, start: Start, files: Files, version: str) -> str | None:
        """Loads the network; why that cannot be, if it cannot.

        Args:
            start: as for a worker process; its driver has asked for the bundle's signature already.
            files: of the bundle.
            version: of the driver's edgeseg.
        """
        host = socket.gethostname()
        if edgeseg.__version__ != version:
            return f"{host} has edgeseg {edgeseg.__version__}, and this machine {version}; install the same on all"
        try:
            shared = Settings.read(Place(start.root).settings) == start.loading.settings
        except EdgeSegError as error:
            if isinstance(start.root, Object):
                return f"{host}: {error}"
            shared = False
        if not shared:
            return (
                f"{host} does not see {start.root} as this machine does; put videos and --out on a file system that "
                "all machines share"
            )
        keep_frames()
        warnings.simplefilter("ignore")  # the driver has given them
        try:
            with tempfile.TemporaryDirectory(prefix="edgeseg-") as folder:
                for name, data in files.items():
                    Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
                    Path(folder, name).write_bytes(data)
                loading = replace(start.loading, bundle=folder, demand=NO_DEMAND)
                self._worker = Worker(start.root, loading, start.piece_seconds, self._note)
        except EdgeSegError as error:
            return f"{host}: {error}"
        except OSError as error:
            return f"{host}: {error.filename}: {error.strerror or error}"
        return None

    def do(self, task: Task) -> Outcome:
        """Does a task."""
        assert self._worker is not None
        self._frames = 0
        return self._worker.do(task)

    def frames(self) -> int:
        """How many frames of the task are done."""
        return self._frames

    def _note(self, frames: int) -> None:
        self._frames = frames
