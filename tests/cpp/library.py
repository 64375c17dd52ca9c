"""libedgeseg through its C ABI, as any program in another language would call it."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.spec import Rect

Bytes = NDArray[np.uint8]

BUNDLE, SPEC, ENGINE, FRAME = 2, 3, 4, 5
"""edgeseg_status."""


class _Image(ctypes.Structure):
    """edgeseg_frame, edgeseg_mask and edgeseg_canvas."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("stride", ctypes.c_ssize_t),
    )


def _image(array: Bytes) -> _Image:
    height, width = array.shape[:2]
    return _Image(array.ctypes.data, width, height, array.strides[0])


RawImage = tuple[int, int, int, int]
"""Address, width, height and stride."""


class _Proof(ctypes.Structure):
    """edgeseg_proof."""

    _fields_ = (
        ("frames", ctypes.c_int32),
        ("agreement", ctypes.c_double),
        ("worst_frame", ctypes.c_double),
        ("required", ctypes.c_double),
    )


class LibraryError(Exception):
    """What a call returned instead of EDGESEG_OK.

    Attributes:
        status: edgeseg_status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Library:
    """A loaded libedgeseg.so."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls = ctypes.CDLL(str(path))
        for text in ("error", "engine", "segmenter_precision"):
            getattr(self.calls, f"edgeseg_{text}").restype = ctypes.c_char_p

    def engines(self) -> list[str]:
        """Runtimes that it was built with."""
        names: list[str] = []
        while name := self.calls.edgeseg_engine(len(names)):
            names.append(name.decode())
        return names

    def open_bundle(self, folder: Path, *, verify: bool = False) -> None:
        """Opens a bundle, reads all its files where that is asked for, and closes it."""
        bundle = ctypes.c_void_p()
        self.check_status(self.calls.edgeseg_bundle_open(str(folder).encode(), ctypes.byref(bundle)))
        status = self.calls.edgeseg_bundle_verify(bundle) if verify else 0
        self.calls.edgeseg_bundle_close(bundle)
        self.check_status(status)

    def segmenter(self, folder: Path, engine: str, precision: str | None = None, threads: int = 1) -> CppSegmenter:
        """A segmenter on a bundle, which is closed again."""
        bundle, segmenter = ctypes.c_void_p(), ctypes.c_void_p()
        masks = 1
        self.check_status(self.calls.edgeseg_bundle_open(str(folder).encode(), ctypes.byref(bundle)))
        named = None if precision is None else precision.encode()
        try:
            self.check_status(
                self.calls.edgeseg_segmenter_open(bundle, engine.encode(), named, threads, ctypes.byref(segmenter))
            )
            masks = self.calls.edgeseg_bundle_masks(bundle)
        finally:
            self.calls.edgeseg_bundle_close(bundle)
        return CppSegmenter(self, segmenter, masks)

    def resize(self, frame: Bytes, width: int, height: int) -> Bytes:
        """`edgeseg.kernels.resize`, of three channels."""
        out = np.empty((height, width, 3), np.uint8)
        self.check_status(self.calls.edgeseg_resize(ctypes.byref(_image(frame)), ctypes.byref(_image(out))))
        return out

    def argmax(self, logits: NDArray[np.float32], width: int, height: int, rect: Rect) -> Bytes:
        """`edgeseg.kernels.argmax` of logits (C, h, w)."""
        mask = np.empty((height, width), np.uint8)
        place = (ctypes.c_double * 4)(*rect)
        data = ctypes.c_void_p(logits.ctypes.data)
        self.check_status(self.calls.edgeseg_argmax(data, *logits.shape, place, ctypes.byref(_image(mask))))
        return mask

    def resize_raw(self, frame: RawImage, canvas: RawImage) -> int:
        """edgeseg_resize of images that need not be any; returns its status."""
        status: int = self.calls.edgeseg_resize(ctypes.byref(_Image(*frame)), ctypes.byref(_Image(*canvas)))
        return status

    def check_status(self, status: int) -> None:
        """Raises what a call returned instead of EDGESEG_OK."""
        if status:
            raise LibraryError(status, self.calls.edgeseg_error().decode())


class CppSegmenter:
    """An opened edgeseg_segmenter."""

    def __init__(self, library: Library, handle: ctypes.c_void_p, masks: int) -> None:
        self._masks = masks
        self._library, self._calls, self._handle = library, library.calls, handle
        self.precision: str = self._calls.edgeseg_segmenter_precision(handle).decode()

    def __call__(self, frame: Bytes) -> Bytes:
        """The mask (H, W) of a frame; of labels that may overlap (L * H, W)."""
        mask = self._memory(frame)
        status = self._calls.edgeseg_segment(self._handle, ctypes.byref(_image(frame)), ctypes.byref(_image(mask)))
        self._library.check_status(status)
        return mask

    def overlay(self, frame: Bytes, alpha: float) -> tuple[Bytes, Bytes]:
        """The painted frame and the mask."""
        out, mask = np.empty_like(frame), self._memory(frame)
        images = [ctypes.byref(_image(each)) for each in (frame, out, mask)]
        status = self._calls.edgeseg_overlay(self._handle, images[0], ctypes.c_double(alpha), *images[1:])
        self._library.check_status(status)
        return out, mask

    def _memory(self, frame: Bytes) -> Bytes:
        return np.empty((self._masks * frame.shape[0], frame.shape[1]), np.uint8)

    def check(self, folder: Path) -> tuple[int, float, float, float]:
        """What edgeseg_check says of a bundle's golden frames: how many, agreement, worst frame, agreement required."""
        bundle, proof = ctypes.c_void_p(), _Proof()
        self._library.check_status(self._calls.edgeseg_bundle_open(str(folder).encode(), ctypes.byref(bundle)))
        status = self._calls.edgeseg_check(self._handle, bundle, ctypes.byref(proof))
        self._calls.edgeseg_bundle_close(bundle)
        self._library.check_status(status)
        return proof.frames, proof.agreement, proof.worst_frame, proof.required

    def close(self) -> None:
        """Frees it."""
        self._calls.edgeseg_segmenter_close(self._handle)
