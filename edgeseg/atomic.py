"""Outputs appear whole or not at all: write to a temporary name beside the target, then rename."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgeseg.errors import EdgeSegError, OutputError


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path with the same suffix; renames it to `path` when the block succeeds.

    Raises:
        OutputError: `path` is a folder, its folder is missing or cannot be written, or the disk is full.
    """
    if os.path.isdir(path):  # noqa: PTH112  Path.is_dir() raises on names that are too long
        raise OutputError(f"cannot write {path}: it is a folder; give the name of a file in it")
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except EdgeSegError:  # some are OSErrors too, and say more than could be said here
        raise
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; choose a folder that exists "
            "and can be written, with room on its disk"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # its folder may be missing; what went wrong is on its way
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields a temporary folder; it takes the place of `path`, with all that lies there, when the block succeeds.

    Raises:
        OutputError: the parent cannot be written, or `path` is a file.
    """
    try:
        if path.exists() and not path.is_dir():
            raise OutputError(f"cannot write the folder {path}: a file of that name is there; choose another name")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except EdgeSegError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another folder") from error
    old = temporary.with_name(f"{temporary.name}.old")
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            path.replace(old)
        temporary.replace(path)
    except EdgeSegError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; is there room on the disk?") from error
    finally:
        if old.exists() and not path.exists():
            old.replace(path)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(temporary, ignore_errors=True)
