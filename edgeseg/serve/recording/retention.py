"""How long a camera's files stay: by their age, by the bytes they have together, by the room that is left."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from edgeseg.serve.recording.names import entries
from edgeseg.serve.settings import RecordingSettings

TOLERANCE = 60.0
"""Seconds by which the clock may be set forward, and be trusted at once."""

HOLD = 3600.0
"""Seconds for which a clock that was set further forward has to stay so before it is trusted."""

AHEAD = 86400.0
"""Seconds from now on from which a file's time cannot be right, whatever small step the clock took back."""


class AgeClock:
    """The time that files' ages are counted by: the system's clock, unless it has just jumped far forward.

    Such a jump may be an error that is put right soon, and files that were deleted for their age do not come back.
    Until the new time has held for `HOLD` the old one goes on. At the start the clock is trusted.
    """

    def __init__(self) -> None:
        """Knows no time yet."""
        self._offset: float | None = None  # of the clock that is trusted, to the monotonic one
        self._ahead_since: float | None = None

    def now(self, wall: float, monotonic: float) -> float:
        """Seconds since the epoch.

        Args:
            wall: of time.time().
            monotonic: of time.monotonic(), at the same moment.
        """
        offset = wall - monotonic
        if self._offset is None or offset - self._offset <= TOLERANCE:
            self._offset, self._ahead_since = offset, None
        elif self._ahead_since is None:
            self._ahead_since = monotonic
        elif monotonic - self._ahead_since >= HOLD:
            self._offset, self._ahead_since = offset, None
        return monotonic + self._offset


def delete_old(
    settings: RecordingSettings,
    camera: str,
    now: float,
    present: int = 0,
    fail: Callable[[Path, OSError], None] = lambda _path, _error: None,
    folders: Iterable[Path] = (),
) -> int:
    """Deletes a camera's oldest finished files until its settings hold; no file of anybody else.

    Args:
        settings: of its recording.
        camera: its name.
        now: seconds since the epoch.
        present: bytes of its files that are not finished yet.
        fail: called with each file that cannot be deleted; the next one is.
        folders: of other cameras that leave room too, on this disk or another.

    Returns:
        How many were deleted.

    Raises:
        OSError: the folder cannot be read.
    """
    if settings.keep_hours is None and settings.keep_bytes is None and settings.keep_free is None:
        return 0
    # Those of a clock that was far ahead are old, and would outlast all that follow.
    files = sorted(entries(settings.folder, camera), key=lambda file: (file.time - now < AHEAD, file.time))
    deletable = sum(file.bytes for file in files)
    total = present + deletable
    missing = missing_room(settings)
    if missing > deletable and missing > _on_disk(settings.folder, folders):
        missing = 0  # others than cameras took the room: it would not be there without these files either
    deleted = 0
    for file in files:
        too_old = settings.keep_hours is not None and now - file.time > 3600 * settings.keep_hours
        too_many = settings.keep_bytes is not None and total > settings.keep_bytes
        if not (too_old or too_many or missing > 0):  # counted: some disks show room long after it was made
            continue
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            fail(file.path, error)
            continue
        total -= file.bytes
        missing -= file.bytes
        deleted += 1
    return deleted


def _on_disk(folder: Path, others: Iterable[Path]) -> int:
    """Bytes of all cameras' finished files in a folder, and in those others that lie on its disk."""
    places = {}
    for each in (*others, folder):
        with suppress(OSError):  # of a disk that is gone
            place = each.stat()
            places[place.st_dev, place.st_ino] = each  # two names may be one folder
    disk = folder.stat().st_dev
    return sum(file.bytes for (device, _), each in places.items() if device == disk for file in entries(each))


def missing_room(settings: RecordingSettings) -> int:
    """Bytes by which the disk has less room than `keep_free`.

    Raises:
        OSError: the folder cannot be read.
    """
    if settings.keep_free is None:
        return 0
    disk = os.statvfs(settings.folder)
    return max(0, settings.keep_free - disk.f_bavail * disk.f_frsize)
