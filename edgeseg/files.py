"""Files from outside, read whole: regular ones alone, of a size that is known before the first byte is read."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

LARGEST_MODEL = 2**31 - 1
"""Bytes of a model file: protobuf's limit for a message."""

LARGEST_TEXT = 8 * 2**20
"""Bytes of a file for people: bundle.json, spec.json, classes.json, settings, results, a model card."""


_CHUNK = 2**20


def read_file(path: Path, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    Raises:
        OSError: it cannot be read, is larger, or is a folder, device, pipe or socket, which is not waited for.
    """
    with open_file(path, limit) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1)  # not `limit`: so much memory would be asked for at once
        while len(content) <= limit and (more := file.read(_CHUNK)):  # of files in /proc the system says 0
            content += more
        _check_size(path, len(content), limit)
        return content


@contextlib.contextmanager
def open_file(path: Path, limit: int) -> Iterator[BinaryIO]:
    """A regular file of at most `limit` bytes, open for reading.

    Raises:
        OSError: as `read_file`.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    with os.fdopen(handle, "rb") as file:
        facts = os.fstat(handle)
        if stat.S_ISDIR(facts.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "it is a device, pipe or socket, no file", str(path))
        _check_size(path, facts.st_size, limit)
        yield file


def system_text(path: Path) -> str | None:
    """What a file of the system's says, as those in /proc and /sys, without its end; None where it cannot be read."""
    try:
        return path.read_text(errors="replace").strip("\0\n ")
    except OSError:
        return None


def real(path: Path) -> Path:
    """The absolute path, links followed as far as they lead: one that leads to itself is its own end.

    Raises:
        ValueError: no file can have the name.
    """
    return Path(os.path.realpath(path))  # Path.resolve raises RuntimeError at a loop, before Python 3.13


def walk(folder: Path, fail: Callable[[OSError], None] | None = None) -> Iterator[tuple[Path, list[str], list[str]]]:
    """A folder and those below it, with the names of their folders and files, sorted; hidden ones are left out.

    Links to folders are followed, as collections are put together by them; one back to a folder above it is not.
    Folders whose names are taken out of the list are not looked into.

    Args:
        folder: where it begins.
        fail: called with the error of a folder that cannot be read; None passes over it.
    """
    above = {folder: {real(folder)}}
    for root, folders, files in os.walk(folder, onerror=fail, followlinks=True):
        here = Path(root)
        around = above.pop(here)
        below = {name: real(here / name) for name in sorted(folders) if name[0] != "."}
        folders[:] = [name for name, real in below.items() if real not in around]
        yield here, folders, sorted(name for name in files if name[0] != ".")
        above |= {here / name: around | {below[name]} for name in folders}


def _check_size(path: Path, size: int, limit: int) -> None:
    if size > limit:
        raise OSError(errno.EFBIG, f"it has {size} bytes, expected at most {limit}", str(path))
