"""Files and folders on their way to a name: `.NAME.TOKEN.KIND.SUFFIX` beside it, where the token cannot be foreseen.

Whoever writes one holds a lock on it (flock), which ends with the process, however that ends. What is there without a
lock was left by a dead process: after a restart in a container, where process numbers repeat, as well.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

_TOKEN_BYTES = 8
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Temporary:
    """An empty new file or folder that is this process's alone, until `release`.

    Attributes:
        path: where it lies, in the folder of its target.
        handle: a descriptor of it, which holds the lock; a file's can be written.
    """

    def __init__(self, target: Path, kind: str, *, folder: bool = False, mode: int = 0o666) -> None:
        """Makes it.

        Args:
            target: the name that it is to get, in a folder that exists.
            kind: a word by which `orphans` finds its like.
            folder: make a folder rather than a file.
            mode: of a file, before the umask.

        Raises:
            OSError: it cannot be made.
        """
        while True:
            token = secrets.token_hex(_TOKEN_BYTES)
            self.path = target.with_name(f".{target.stem}.{token}.{kind}{target.suffix}")
            if folder:
                self.path.mkdir(0o700)
                try:
                    self.handle = os.open(self.path, _FOLDER)
                except FileNotFoundError:  # a process that sweeps here was quicker
                    continue
            else:
                self.handle = os.open(self.path, _FILE | os.O_CREAT | os.O_EXCL, mode)
            # A process that sweeps here may have been between the two calls.
            if lock(self.handle) is not False and is_at(self.handle, self.path):
                return
            self.release()

    def release(self) -> None:
        """Lets go of it; more calls do nothing."""
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1


def orphans(folder: Path, kind: str, target: Path | None = None) -> Iterator[tuple[Path, Path, int]]:
    """What dead processes left in a folder; each stays locked until the next is asked for.

    Args:
        folder: where to look; it need not exist.
        kind: as `Temporary` took it.
        target: only what was to get this name.

    Yields:
        Its path, the path that it was to get, and a descriptor of it.
    """
    for path, name, handle in _open_all(folder, kind, target):
        if lock(handle) and is_at(handle, path):
            yield path, name, handle


def in_work(target: Path, kind: str) -> bool:
    """Whether a living process writes what is to get this name."""
    return any(lock(handle) is False for _, _, handle in _open_all(target.parent, kind, target))


def lock(handle: int) -> bool | None:
    """Locks a file or folder; False where another holds it, None where the file system knows no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    return True


def is_at(handle: int, path: Path) -> bool:
    """Whether an open file or folder still has this name."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except OSError:
        return False


def _open_all(folder: Path, kind: str, target: Path | None) -> Iterator[tuple[Path, Path, int]]:
    """Path, target and descriptor, one after the other, of the temporary files and folders that are there."""
    pattern = re.compile(rf"\.(.+)\.[0-9a-f]{{{2 * _TOKEN_BYTES}}}\.{kind}(\.[^.]*)?", re.DOTALL)
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return
    for name in names:
        parts = pattern.fullmatch(name)
        if parts is None:
            continue
        path, final = folder / name, folder / (parts[1] + (parts[2] or ""))
        if target is not None and final.name != target.name:
            continue
        try:
            handle = os.open(path, _FOLDER if path.is_dir() else _FILE)
        except OSError:  # gone, a link, or somebody else's
            continue
        try:
            yield path, final, handle
        finally:
            os.close(handle)
