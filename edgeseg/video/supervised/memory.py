"""Frames between two processes, in memory that both see: the child copies each one in, and here it is read in place.

The memory is a file without a name (memfd), which is gone with the last process that holds it, however that ends. In
its first page there is a byte for each slot: the child sets it before it writes a frame there, and whoever got the
frame clears it when the last view of it is gone.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import weakref

import numpy as np

from edgeseg.arrays import Image

SLOTS = 32
"""Most frames that are in use at once; memory is taken for as many as ever were."""

RESERVE = 4
"""Free slots that are left to the child; where there are fewer, frames are copied here."""

_PAGE = mmap.PAGESIZE


class FrameWriter:
    """The child's side. Memory is made when the first frame comes, and anew for a larger one."""

    def __init__(self) -> None:
        self._memory: mmap.mmap | None = None
        self._room = 0

    def put(self, image: Image) -> tuple[int, int | None] | None:
        """Copies a frame to where it can be read.

        Returns:
            Its slot, and the file of new memory, to be sent and closed, if it lies in that; None where no slot is free.
        """
        handle = None
        if self._memory is None or image.nbytes > self._room:
            self._room = -(-image.nbytes // _PAGE) * _PAGE
            handle = os.memfd_create("edgeseg-frames")
            os.ftruncate(handle, _PAGE + SLOTS * self._room)
            self._memory = mmap.mmap(handle, 0)
        slot = self._memory.find(b"\0", 0, SLOTS)
        if slot < 0:
            return None
        self._memory[slot] = 1
        copy = np.frombuffer(self._memory, np.uint8, image.nbytes, _PAGE + slot * self._room)
        copy.reshape(image.shape)[:] = image
        return slot, handle


class FrameReader:
    """The parent's side of one such memory."""

    def __init__(self, handle: int) -> None:
        """Maps the memory; the handle may be closed then."""
        self._memory = mmap.mmap(handle, 0)
        self._room = (len(self._memory) - _PAGE) // SLOTS

    def take(self, slot: int, height: int, width: int) -> Image:
        """The frame in a slot, BGR uint8 (height, width, 3), which is the caller's as long as he holds any view of it.

        Raises:
            ValueError: there is no such slot, or no such frame fits in.
        """
        size = 3 * height * width
        if not (0 <= slot < SLOTS and 0 < size <= self._room and height > 0):
            raise ValueError(f"no frame of {width}x{height} pixels can lie in slot {slot}")
        lease = (ctypes.c_ubyte * size).from_buffer(self._memory, _PAGE + slot * self._room)
        image: Image = np.frombuffer(memoryview(lease).cast("B"), np.uint8).reshape(height, width, 3)
        if self._memory[:SLOTS].count(0) < RESERVE:  # whoever keeps frames is not to stop the camera
            image = image.copy()
            self._memory[slot] = 0
        else:
            weakref.finalize(lease, _free, self._memory, slot).atexit = False
        return image


def _free(memory: mmap.mmap, slot: int) -> None:
    memory[slot] = 0
