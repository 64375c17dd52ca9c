"""Holds all threads of another process but its first, as a driver that never answers would: by ptrace(2), as root."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from pathlib import Path

SEIZE, INTERRUPT = 0x4206, 0x4207
"""Requests of ptrace(2)."""

WAIT_ALL = 0x40000000
"""__WALL of waitpid(2): threads are waited for too."""


def hold(process: int) -> None:
    """Holds them until the process is killed, or this one ends.

    Raises:
        OSError: the process is not there, or may not be traced.
    """
    threads = [int(each.name) for each in Path(f"/proc/{process}/task").iterdir() if int(each.name) != process]
    for thread in threads:
        _trace(SEIZE, thread)
    for thread in threads:
        _trace(INTERRUPT, thread)
        os.waitpid(thread, WAIT_ALL)
    # A thread that is traced is not gone before its tracer knows.
    threading.Thread(target=_reap, args=[threads], daemon=True).start()


def _trace(request: int, thread: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    library.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    library.ptrace.restype = ctypes.c_long
    if library.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _reap(threads: list[int]) -> None:
    for thread in threads:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(thread, WAIT_ALL)
