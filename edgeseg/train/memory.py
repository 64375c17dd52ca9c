"""Keeps the C library from giving memory back after every tensor: a CPU trains half as fast again."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
"""Options of glibc's mallopt(3)."""

GROW = 1 << 28
"""Bytes that the heap grows by at least."""


def keep_freed_memory() -> bool:
    """Lets this process keep the memory of freed tensors for the next ones; says whether the C library could be told.

    glibc takes large blocks from the kernel one by one and gives each back when it is freed. A training step frees
    gigabytes, and the kernel clears all of them again, page by page, in the next one. Other C libraries are left
    to their own ways. On a GPU it changes nothing: there torch keeps memory itself.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all([mallopt(M_MMAP_MAX, 0), mallopt(M_TRIM_THRESHOLD, -1), mallopt(M_TOP_PAD, GROW)])
