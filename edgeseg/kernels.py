"""The native kernels around the network: resize before it, arg-max, overlay and margin after it.

Frames are BGR uint8 (H, W, 3), masks uint8 (H, W) class ids, logits float32 (C, h, w) or (1, C, h, w); of one channel,
class 1 is where it is above 0. Every `out` must have the result's shape and dtype, and contiguous rows, which may lie
apart (a part of a larger array); without one, a new array is returned. Other input than that is copied first. The
kernels release the GIL and may run in several threads at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeseg import _native
from edgeseg.arrays import Image, Logits, Mask
from edgeseg.errors import FrameError
from edgeseg.spec import MAX_CLASSES, Rect

Scalar = TypeVar("Scalar", np.uint8, np.float32)

LONGEST = 2**20
"""Pixels, or logits, of a side: the kernels count in 32 bits."""


def resize(frame: Image, width: int, height: int, out: Image | None = None) -> Image:
    """Bilinear resize, bit-equal to `cv2.resize(..., interpolation=cv2.INTER_LINEAR_EXACT)`.

    Args:
        frame: (H, W, C) with 1 to 4 channels.
        width: of the result, in pixels.
        height: of the result, in pixels.
        out: (height, width, C); it must not overlap the frame.

    Raises:
        FrameError: an array of the wrong shape, dtype or layout.
    """
    frame = _image("frame", frame)
    if frame.ndim != 3 or not 1 <= frame.shape[2] <= 4:
        raise FrameError(f"got a frame of shape {frame.shape}, expected (height, width, channels), 1 to 4 channels")
    out = _output("out", out, (*_size(width, height), frame.shape[2]), np.uint8)
    _check_apart("frame", frame, out)
    _native.resize(frame, out)
    return out


def argmax(logits: Logits, width: int, height: int, rect: Rect | None = None, out: Mask | None = None) -> Mask:
    """Upsamples logits, bilinear with half-pixel centres, and takes the class of the largest, in one pass.

    Column i of the mask lies at `rect.x + (i + 0.5) * rect.width / width - 0.5` logits, clamped to the logits; rows
    likewise. The lower class wins a tie, but where the four logits around a pixel agree on a class, it is that class.

    Args:
        logits: (C, h, w) or (1, C, h, w), 1 to 255 classes.
        width: of the mask, in pixels.
        height: of the mask, in pixels.
        rect: the part of the logits that the mask covers; all of them by default.
        out: (height, width).

    Returns:
        (height, width) class ids.

    Raises:
        FrameError: an array of the wrong shape, dtype or layout, or logits that hold NaN or infinity.
    """
    return _mask(_native.argmax, logits, width, height, rect, out)


def argmax_unpruned(
    logits: Logits, width: int, height: int, rect: Rect | None = None, out: Mask | None = None
) -> Mask:
    """`argmax` by brute force, every class at every pixel: what tests and benchmarks compare it with."""
    return _mask(_native.argmax_unpruned, logits, width, height, rect, out)


def margin(
    logits: Logits, width: int, height: int, rect: Rect | None = None, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Upsamples logits as `argmax` does and takes the best minus the second best: a confidence.

    Args:
        logits: (C, h, w) or (1, C, h, w), 1 to 255 classes.
        width: of the result, in pixels.
        height: of the result, in pixels.
        rect: the part of the logits that the result covers; all of them by default.
        out: (height, width), wholly contiguous.

    Returns:
        (height, width), 0 or more; of one channel, the absolute logit.

    Raises:
        FrameError: an array of the wrong shape, dtype or layout, or logits that hold NaN or infinity.
    """
    planes = _logits(logits)
    out = _output("out", out, _size(width, height), np.float32)
    if not out.flags.c_contiguous:
        raise FrameError("got an out with gaps between its rows, expected a contiguous one; pass a whole array")
    _finite(_native.margin, planes, _rect(rect, planes), out)
    return out


def overlay(
    logits: Logits,
    frame: Image,
    palette: NDArray[np.uint8],
    alpha: float = 0.5,
    rect: Rect | None = None,
    out: Image | None = None,
    mask: Mask | None = None,
) -> Image:
    """`argmax` at the frame's size and its colours over the frame, in one pass.

    Each byte becomes `(frame * (256 - a) + colour * a + 128) >> 8` with a = round(256 * alpha).

    Args:
        logits: (C, h, w) or (1, C, h, w), 1 to 255 classes.
        frame: (H, W, 3).
        palette: (n, 3) BGR, one colour a class (two for one channel), or more.
        alpha: from 0 (the frame) to 1 (the colours).
        rect: the part of the logits that the frame covers; all of them by default.
        out: (H, W, 3); it may be the frame itself.
        mask: (H, W), filled with the class ids too.

    Raises:
        FrameError: an array of the wrong shape, dtype or layout, or logits that hold NaN or infinity.
    """
    planes = _logits(logits)
    frame = _bgr(frame)
    colours = _palette(palette, max(2, planes.shape[0]))
    height, width = frame.shape[:2]
    out = _output("out", out, frame.shape, np.uint8)
    if mask is not None:
        mask = _output("mask", mask, (height, width), np.uint8)
        _check_apart("mask", mask, out)
        _check_apart("frame", frame, mask)
    _check_same_or_apart(frame, out)
    _finite(_native.overlay, planes, _rect(rect, planes), frame, colours, _opacity(alpha), out, mask)
    return out


def blend(
    mask: Mask, frame: Image, palette: NDArray[np.uint8], alpha: float = 0.5, out: Image | None = None
) -> Image:
    """The colours of a mask over a frame, with the arithmetic of `overlay`.

    Args:
        mask: (H, W) class ids.
        frame: (H, W, 3).
        palette: (n, 3) BGR, a colour for every id in the mask.
        alpha: from 0 (the frame) to 1 (the colours).
        out: (H, W, 3); it may be the frame itself.

    Raises:
        FrameError: an array of the wrong shape, dtype or layout, or an id without a colour.
    """
    frame = _bgr(frame)
    mask = _image("mask", mask)
    if mask.shape != frame.shape[:2]:
        raise FrameError(f"got a mask of shape {mask.shape} for a frame of {frame.shape}; make their sizes equal")
    colours = _palette(palette, 1)
    opacity = _opacity(alpha)
    out = _output("out", out, frame.shape, np.uint8)
    _check_apart("mask", mask, out)
    _check_same_or_apart(frame, out)
    try:
        _native.blend(mask, frame, colours, opacity, out)
    except ValueError as error:
        raise FrameError(
            f"got class {mask.max()} in a mask and {len(colours)} colours; give the palette one for every class"
        ) from error
    return out


def _mask(
    kernel: Callable[..., None], logits: Logits, width: int, height: int, rect: Rect | None, out: Mask | None
) -> Mask:
    planes = _logits(logits)
    out = _output("out", out, _size(width, height), np.uint8)
    _finite(kernel, planes, _rect(rect, planes), out)
    return out


def _finite(kernel: Callable[..., None], *arguments: object) -> None:
    """Calls a kernel whose arguments are checked but for what only it looks at: every logit."""
    try:
        kernel(*arguments)
    except ValueError as error:
        raise FrameError(f"{error}; the network or its input is broken, so there is no class to show") from error


def _size(width: int, height: int) -> tuple[int, int]:
    if not (1 <= width <= LONGEST and 1 <= height <= LONGEST):
        raise FrameError(f"got an output of {width}x{height} pixels, expected at least 1x1, at most {LONGEST} a side")
    return height, width


def _logits(logits: Logits) -> Logits:
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


def _rect(rect: Rect | None, logits: Logits) -> Rect:
    if rect is None:
        return Rect(0.0, 0.0, float(logits.shape[2]), float(logits.shape[1]))
    if not all(map(math.isfinite, rect)) or rect.width <= 0 or rect.height <= 0:
        raise FrameError(f"got {rect}, expected finite numbers, width and height above 0")
    return rect


def _image(name: str, image: Image) -> Image:
    if not isinstance(image, np.ndarray):
        raise FrameError(f"got a {name} of type {type(image).__name__}, expected a NumPy array; did reading it fail?")
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or not 1 <= min(image.shape) <= max(image.shape) <= LONGEST:
        raise FrameError(f"got a {name} of shape {image.shape} and {image.dtype}, expected uint8, at least 1x1 pixel")
    return image if _contiguous_rows(image) else np.ascontiguousarray(image)


def _bgr(frame: Image) -> Image:
    frame = _image("frame", frame)
    if frame.ndim != 3 or frame.shape[2] != 3:
        raise FrameError(f"got a frame of shape {frame.shape}, expected (height, width, 3), as cv2 gives it")
    return frame


def _palette(palette: NDArray[np.uint8], colours: int) -> NDArray[np.uint8]:
    if not isinstance(palette, np.ndarray):
        raise FrameError(f"got a palette of type {type(palette).__name__}, expected a NumPy array, uint8 (n, 3), BGR")
    if palette.dtype != np.uint8 or palette.ndim != 2 or palette.shape[1] != 3 or len(palette) < colours:
        raise FrameError(
            f"got a palette of shape {palette.shape} and {palette.dtype}, expected uint8 ({colours} or more, 3), BGR"
        )
    return np.ascontiguousarray(palette)


def _opacity(alpha: float) -> float:
    if not 0 <= alpha <= 1:
        raise FrameError(f"got alpha {alpha}, expected a number from 0 (the frame alone) to 1 (the colours alone)")
    return float(alpha)


def _output(
    name: str, out: NDArray[Scalar] | None, shape: tuple[int, ...], dtype: type[Scalar]
) -> NDArray[Scalar]:
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


def _check_same_or_apart(frame: Image, out: Image) -> None:
    if frame.ctypes.data != out.ctypes.data or frame.strides != out.strides:
        _check_apart("frame", frame, out)


def _check_apart(name: str, array: Mask | Image, out: Mask | Image) -> None:
    if np.may_share_memory(array, out) and np.shares_memory(array, out):
        raise FrameError(f"got an output that overlaps the {name}; give it memory of its own")
