"""Names of a camera's files: the camera, the time in UTC, and what it is. By them they are found again."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

_TIME = "%Y-%m-%dT%H-%M-%SZ"

_ENDING = r"(?:(|-masks|-fractions)(\.recovered-\d+)?\.(mp4|mkv|jsonl)|-\d{3}-event\d+\.(jpg|mp4)|-\d{4}\.(jpg|png))"
"""Of recordings, of events' files, and of frames for labels: a copy that somebody gave another name is his."""


@dataclass(frozen=True)
class Entry:
    """A finished file of a camera.

    Attributes:
        time: in its name, in seconds since the epoch.
        path: of the file.
        bytes: that it has.
    """

    time: float
    path: Path
    bytes: int


def file_name(camera: str, seconds: float, ending: str) -> str:
    """A name such as gate-2026-11-28T12-00-00Z.mp4.

    Args:
        camera: its name.
        seconds: since the epoch; fractions are left out.
        ending: behind the time, such as ".mp4" or "-masks.mkv".
    """
    return f"{camera}-{datetime.fromtimestamp(seconds, timezone.utc).strftime(_TIME)}{ending}"


def entries(folder: Path, camera: str | None = None) -> list[Entry]:
    """The finished files of a camera, or of all, oldest first; whatever else lies there is left out.

    Raises:
        OSError: the folder cannot be read.
    """
    name = ".+" if camera is None else re.escape(camera)
    pattern = re.compile(rf"{name}-(\d{{4}}-\d\d-\d\dT\d\d-\d\d-\d\dZ){_ENDING}", re.ASCII)
    found = []
    with os.scandir(folder) as files:
        for file in files:
            match = pattern.fullmatch(file.name)
            if match is None or not file.is_file(follow_symlinks=False):
                continue
            try:
                time = datetime.strptime(match[1], _TIME).replace(tzinfo=timezone.utc).timestamp()
                found.append(Entry(time, Path(file.path), file.stat(follow_symlinks=False).st_size))
            except (ValueError, FileNotFoundError):  # no such day; deleted in between
                continue
    return sorted(found, key=lambda entry: (entry.time, entry.path.name))
