"""What is built once for a machine is kept in one folder, from which anything may be deleted at any time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edgeseg.atomic import atomic_file
from edgeseg.errors import OutputError


def cache_folder() -> Path:
    """Where it lies: in $EDGESEG_CACHE, $XDG_CACHE_HOME/edgeseg or ~/.cache/edgeseg."""
    if "EDGESEG_CACHE" in os.environ:
        return Path(os.environ["EDGESEG_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "edgeseg"


def keep(path: Path, content: bytes) -> None:
    """Keeps a file for the next start; where that cannot be, it is said, and the next start takes longer."""
    try:
        make_folder(path.parent)
        with atomic_file(path) as temporary:
            temporary.write_bytes(content)
    except OutputError as error:
        tell(f"{path.name} is not kept, and will be made again next time: {error}")


def make_folder(folder: Path) -> None:
    """Makes a folder that may be there.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}; choose another folder") from error


def tell(sentence: str) -> None:
    """Says what a start is waiting for."""
    print(f"edgeseg: {sentence}", file=sys.stderr, flush=True)
