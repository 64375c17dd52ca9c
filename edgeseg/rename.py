"""Renames that Linux makes in one step, which a kill cannot split: renameat2(2) by the C library."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

_NO_REPLACE, _EXCHANGE = 1, 2  # from linux/fs.h
_AT_FDCWD = -100  # relative names start at the working directory

# EINVAL: the file system cannot; ENOSYS: the kernel cannot, or its sandbox does not know the call.
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


def exchange(one: Path, other: Path) -> bool:
    """Swaps what two names stand for; False where the file system cannot, and nothing has changed.

    Raises:
        OSError: it can, and failed.
    """
    return _rename(one, other, _EXCHANGE)


def rename_to_free(old: Path, new: Path) -> None:
    """Renames a file to a name that nothing else has.

    Raises:
        FileExistsError: the name is taken.
        OSError: the file cannot be renamed.
    """
    if _rename(old, new, _NO_REPLACE):
        return
    if os.path.lexists(new):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new))
    old.rename(new)


def _rename(old: Path, new: Path, flag: int) -> bool:
    call = _renameat2()
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(new))


@cache
def _renameat2() -> Callable[..., int] | None:
    """None where the C library is older than glibc 2.28, or another."""
    call: Callable[..., int] | None = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    return call
