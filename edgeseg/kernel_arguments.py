"""Arguments of the kernels, checked before native code is given them: shapes, dtypes, layout, memory.

Every function raises FrameError where its argument is no use, and returns what the kernels take.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeseg.arrays import Image, Logits
from edgeseg.errors import FrameError
from edgeseg.spec import MAX_CLASSES, Rect

Scalar = TypeVar("Scalar", np.uint8, np.float32)

LONGEST = 2**20
"""Pixels, or logits, of a side: the kernels count in 32 bits."""


def checked_size(width: int, height: int) -> tuple[int, int]:
    """Height and width of an output."""
    if not all(isinstance(side, Integral) and 1 <= side <= LONGEST for side in (width, height)):
        raise FrameError(
            f"got an output of {width}x{height} pixels, expected whole numbers, at least 1x1, at most {LONGEST} a side"
        )
    return int(height), int(width)


def checked_logits(logits: Logits) -> Logits:
    """Contiguous (C, h, w) of logits (C, h, w) or (1, C, h, w)."""
    if not isinstance(logits, np.ndarray):
        raise FrameError(f"got logits of type {type(logits).__name__}, expected a NumPy array")
    shape = logits.shape
    if logits.ndim == 4 and shape[0] == 1:
        logits = logits[0]
    if logits.ndim != 3 or 0 in shape or logits.dtype != np.float32:
        raise FrameError(
            f"got logits of shape {shape} and {logits.dtype}, expected (classes, height, width), of one frame, float32"
        )
    if logits.shape[0] > MAX_CLASSES:
        raise FrameError(f"got logits of {logits.shape[0]} classes, expected 1 to {MAX_CLASSES}: masks are uint8")
    return np.ascontiguousarray(logits)


def checked_rect(rect: Rect | None, logits: Logits) -> Rect:
    """The rectangle, all of the logits where there is none."""
    if rect is None:
        return Rect(0.0, 0.0, float(logits.shape[2]), float(logits.shape[1]))
    if not isinstance(rect, Rect):
        raise FrameError(f"got the rectangle {rect!r:.80}, expected a Rect(x, y, width, height) of edgeseg.spec")
    if not all(map(math.isfinite, rect)) or rect.width <= 0 or rect.height <= 0:
        raise FrameError(f"got {rect}, expected finite numbers, width and height above 0")
    return rect


def checked_image(name: str, image: Image) -> Image:
    """An image or mask whose rows are contiguous, if need be a copy."""
    if not isinstance(image, np.ndarray):
        raise FrameError(f"got a {name} of type {type(image).__name__}, expected a NumPy array; did reading it fail?")
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or not 1 <= min(image.shape) <= max(image.shape) <= LONGEST:
        raise FrameError(f"got a {name} of shape {image.shape} and {image.dtype}, expected uint8, at least 1x1 pixel")
    return image if _contiguous_rows(image) else np.ascontiguousarray(image)


def checked_frame(frame: Image) -> Image:
    """A frame whose rows are contiguous, if need be a copy."""
    frame = checked_image("frame", frame)
    if frame.ndim != 3 or frame.shape[2] != 3:
        raise FrameError(f"got a frame of shape {frame.shape}, expected (height, width, 3), as cv2 gives it")
    return frame


def checked_palette(palette: NDArray[np.uint8], colours: int) -> NDArray[np.uint8]:
    """A contiguous palette of at least so many colours."""
    if not isinstance(palette, np.ndarray):
        raise FrameError(f"got a palette of type {type(palette).__name__}, expected a NumPy array, uint8 (n, 3), BGR")
    if palette.dtype != np.uint8 or palette.ndim != 2 or palette.shape[1] != 3 or len(palette) < colours:
        raise FrameError(
            f"got a palette of shape {palette.shape} and {palette.dtype}, expected uint8 ({colours} or more, 3), BGR"
        )
    return np.ascontiguousarray(palette)


def checked_opacity(alpha: float) -> float:
    """A number from 0 to 1."""
    if not isinstance(alpha, Real) or not 0 <= alpha <= 1:
        raise FrameError(f"got alpha {alpha}, expected a number from 0 (the frame alone) to 1 (the colours alone)")
    return float(alpha)


def checked_weight(weight: float) -> float:
    """A number from 0 to 1."""
    if not isinstance(weight, Real) or not 0 <= weight <= 1:
        raise FrameError(f"got weight {weight}, expected a number from 0 (the logits alone) to 1 (the average alone)")
    return float(weight)


def checked_output(
    name: str, out: NDArray[Scalar] | None, shape: tuple[int, ...], dtype: type[Scalar]
) -> NDArray[Scalar]:
    """Memory of that shape for a result: `out`, or new."""
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise FrameError(f"got {name} of type {type(out).__name__}, expected a NumPy array")
    if out.shape != shape or out.dtype != dtype:
        raise FrameError(f"got {name} of shape {out.shape} and {out.dtype}, expected {shape} and {dtype.__name__}")
    if not out.flags.writeable or not _contiguous_rows(out):
        raise FrameError(f"got {name} that is read-only or has gaps within its rows; pass an array made by np.empty")
    return out


def _contiguous_rows(array: NDArray[Scalar]) -> bool:
    """Whether each row is contiguous, and the next lies behind it: not before it, and not in the same place."""
    upwards = len(array) < 2 or array.strides[0] >= array[0].nbytes
    return bool(array[:1].flags.c_contiguous) and upwards


def check_same_or_apart(frame: Image, out: Image) -> None:
    """Refuses an output that shares memory with the frame and is not the frame itself."""
    if frame.ctypes.data != out.ctypes.data or frame.strides != out.strides:
        check_apart("frame", frame, out)


def check_apart(name: str, array: NDArray[Any], out: NDArray[Any]) -> None:
    """Refuses an output that shares memory with an input."""
    if np.may_share_memory(array, out) and np.shares_memory(array, out):
        raise FrameError(f"got an output that overlaps the {name}; give it memory of its own")
