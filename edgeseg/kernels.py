"""The native kernels around the network: resize before it, smooth, arg-max, labels, overlay and margin after it.

Frames are BGR uint8 (H, W, 3), masks uint8 (H, W) class ids, logits float32 (C, h, w) or (1, C, h, w); of one channel,
class 1 is where it is above 0. Labels that may overlap have masks uint8 (L, H, W) of 0 and 1. Every `out` must have the
result's shape and dtype, contiguous rows, which may lie apart (a part of a larger array), and memory of its own, where
nothing else is said; without one, a new array is returned. Other input than that is copied first. The kernels release
the GIL and may run in several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg import _native
from edgeseg.arrays import Image, LabelMasks, Logits, Mask
from edgeseg.errors import FrameError
from edgeseg.kernel_arguments import (
    check_apart,
    check_same_or_apart,
    checked_frame,
    checked_image,
    checked_logits,
    checked_opacity,
    checked_output,
    checked_palette,
    checked_rect,
    checked_size,
    checked_weight,
)
from edgeseg.spec import MAX_CLASSES, Rect


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
    frame = checked_image("frame", frame)
    if frame.ndim != 3 or not 1 <= frame.shape[2] <= 4:
        raise FrameError(f"got a frame of shape {frame.shape}, expected (height, width, channels), 1 to 4 channels")
    out = checked_output("out", out, (*checked_size(width, height), frame.shape[2]), np.uint8)
    check_apart("frame", frame, out)
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


def labels(
    logits: Logits, width: int, height: int, rect: Rect | None = None, out: LabelMasks | None = None
) -> LabelMasks:
    """Upsamples logits as `argmax` does and cuts each label's at 0: masks of labels that may overlap.

    Args:
        logits: (L, h, w) or (1, L, h, w), 1 to 255 labels.
        width: of the masks, in pixels.
        height: of the masks, in pixels.
        rect: the part of the logits that the masks cover; all of them by default.
        out: (L, height, width), wholly contiguous.

    Returns:
        (L, height, width), 1 where a label's logit is above 0, else 0.

    Raises:
        FrameError: an array of the wrong shape, dtype or layout, or logits that hold NaN or infinity.
    """
    planes = checked_logits(logits)
    out = checked_output("out", out, (len(planes), *checked_size(width, height)), np.uint8)
    _check_contiguous(out)
    check_apart("logits", planes, out)
    _finite(_native.labels, planes, checked_rect(rect, planes), out)
    return out


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
    planes = checked_logits(logits)
    out = checked_output("out", out, checked_size(width, height), np.float32)
    _check_contiguous(out)
    check_apart("logits", planes, out)
    _finite(_native.margin, planes, checked_rect(rect, planes), out)
    return out


def smooth(logits: Logits, average: Logits, weight: float) -> Logits:
    """An average over time, in place: `average` becomes weight times itself plus 1 - weight times the logits.

    Both weights are rounded to float32 first, then the two products and their sum.

    Args:
        logits: (C, h, w) or (1, C, h, w), 1 to 255 classes.
        average: of the logits before, of their shape, float32, contiguous.
        weight: 0 (the logits alone) to 1 (the average stays).

    Returns:
        `average`.

    Raises:
        FrameError: an array of the wrong shape, dtype or layout, or logits that hold NaN or infinity.
    """
    planes = checked_logits(logits)
    share = checked_weight(weight)
    if not isinstance(average, np.ndarray):  # None would mean new memory, which holds no average
        raise FrameError(f"got average of type {type(average).__name__}; begin with a copy of the first logits")
    average = checked_output("average", average, logits.shape, np.float32)
    _check_contiguous(average)
    check_apart("logits", planes, average)
    _finite(_native.smooth, planes, share, average.reshape(planes.shape))
    return average


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
    planes = checked_logits(logits)
    frame = checked_frame(frame)
    colours = checked_palette(palette, max(2, planes.shape[0]))
    height, width = frame.shape[:2]
    out = checked_output("out", out, frame.shape, np.uint8)
    if mask is not None:
        mask = checked_output("mask", mask, (height, width), np.uint8)
        check_apart("mask", mask, out)
        check_apart("frame", frame, mask)
        check_apart("logits", planes, mask)
    check_apart("logits", planes, out)
    check_same_or_apart(frame, out)
    _finite(_native.overlay, planes, checked_rect(rect, planes), frame, colours, checked_opacity(alpha), out, mask)
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
    frame = checked_frame(frame)
    mask = checked_image("mask", mask)
    if mask.shape != frame.shape[:2]:
        raise FrameError(f"got a mask of shape {mask.shape} for a frame of {frame.shape}; make their sizes equal")
    colours = checked_palette(palette, 1)
    opacity = checked_opacity(alpha)
    out = checked_output("out", out, frame.shape, np.uint8)
    check_apart("mask", mask, out)
    check_same_or_apart(frame, out)
    try:
        _native.blend(mask, frame, colours, opacity, out)
    except ValueError as error:
        raise FrameError(
            f"got class {mask.max()} in a mask and {len(colours)} colours; give the palette one for every class"
        ) from error
    return out


def blend_labels(
    masks: LabelMasks, frame: Image, palette: NDArray[np.uint8], alpha: float = 0.5, out: Image | None = None
) -> Image:
    """The colours of labels that may overlap over a frame: where several hold, the mean of their colours.

    A pixel where none holds stays as it is; the others are blended with the arithmetic of `overlay`, and the mean is
    `(sum + n // 2) // n` a byte.

    Args:
        masks: (L, H, W), not 0 where a label holds.
        frame: (H, W, 3).
        palette: (n, 3) BGR, one colour a label, or more.
        alpha: from 0 (the frame) to 1 (the colours).
        out: (H, W, 3); it may be the frame itself.

    Raises:
        FrameError: an array of the wrong shape, dtype or layout.
    """
    frame = checked_frame(frame)
    masks = np.ascontiguousarray(checked_image("stack of masks", masks))
    if masks.ndim != 3 or masks.shape[1:] != frame.shape[:2] or len(masks) > MAX_CLASSES:
        raise FrameError(
            f"got masks of shape {masks.shape} for a frame of {frame.shape}, expected (labels, height, width), at most "
            f"{MAX_CLASSES} labels"
        )
    colours = checked_palette(palette, len(masks))
    opacity = checked_opacity(alpha)
    out = checked_output("out", out, frame.shape, np.uint8)
    check_apart("masks", masks, out)
    check_same_or_apart(frame, out)
    _native.blend_labels(masks, frame, colours, opacity, out)
    return out


def _check_contiguous(out: NDArray[Any]) -> None:
    if not out.flags.c_contiguous:
        raise FrameError("got an out with gaps between its rows, expected a contiguous one; pass a whole array")


def _mask(
    kernel: Callable[..., None], logits: Logits, width: int, height: int, rect: Rect | None, out: Mask | None
) -> Mask:
    planes = checked_logits(logits)
    out = checked_output("out", out, checked_size(width, height), np.uint8)
    check_apart("logits", planes, out)
    _finite(kernel, planes, checked_rect(rect, planes), out)
    return out


def _finite(kernel: Callable[..., None], *arguments: object) -> None:
    """Calls a kernel whose arguments are checked but for what only it looks at: every logit."""
    try:
        kernel(*arguments)
    except ValueError as error:
        raise FrameError(f"{error}; the network or its input is broken, so there is no class to show") from error
