"""What glibc does with freed memory: by default it gives large blocks back to the kernel, which clears them anew.

A stream frees a picture a frame and asks for one of the same size; a training step frees gigabytes of tensors. The
kernel then clears the same pages again, one by one: 0.3 ms for a frame of 960x540, a third of a training step.
Options and their meaning: mallopt(3). Other C libraries are left to their own ways.
"""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -2, -3, -4

LARGEST_BLOCK = 1 << 25
"""Bytes up to which a block comes from the heap, the most that glibc takes: a 4K picture in BGR."""

SPARE = 1 << 26
"""Bytes of freed memory that a stream keeps at the heap's end."""

GROW = 1 << 28
"""Bytes that the heap of a training grows by at least."""


def keep_frames() -> bool:
    """Lets this process keep the memory of a few frames for the next ones; says whether the C library could be told.

    For a process of our own, not for a program that only imports edgeseg: it is set for the whole process.
    """
    return _tell((M_MMAP_THRESHOLD, LARGEST_BLOCK), (M_TRIM_THRESHOLD, SPARE))


def keep_tensors() -> bool:
    """Lets this process keep all memory that it frees, for a training on the CPU: says whether glibc could be told.

    On a GPU it changes nothing: there torch keeps memory itself.
    """
    return _tell((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_TOP_PAD, GROW))


def _tell(*options: tuple[int, int]) -> bool:
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(*option) for option in options)
