"""Arguments of a segmenter, checked before it works on them; those of the kernels are in kernel_arguments.py.

Every function raises FrameError where its argument is no use.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeseg.arrays import Logits
from edgeseg.errors import FrameError
from edgeseg.kernel_arguments import checked_logits, checked_size
from edgeseg.spec import Rect, Spec


def frame_size(frame: Any) -> tuple[int, int]:
    """Height and width of a frame that is one: uint8 (H, W, 3)."""
    if not isinstance(frame, np.ndarray):
        raise FrameError(f"got a {type(frame).__name__}, expected a frame: a NumPy array uint8 (H, W, 3) in BGR")
    if frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 1):
        raise FrameError(f"got a grey frame {frame.shape}, expected (H, W, 3); use cv2.cvtColor(x, cv2.COLOR_GRAY2BGR)")
    if frame.ndim == 3 and frame.shape[2] == 4:
        raise FrameError(f"got a frame {frame.shape} with alpha, expected 3 channels; use cv2.COLOR_BGRA2BGR")
    if frame.ndim != 3 or frame.shape[2] != 3:
        raise FrameError(f"got an array {frame.shape}, expected a frame (H, W, 3) in BGR; pass one frame at a time")
    if frame.dtype != np.uint8:
        raise FrameError(f"got a frame of {frame.dtype}, expected uint8 with levels 0-255; scale and cast it")
    if frame.size == 0:
        raise FrameError(f"got an empty frame {frame.shape}; did the camera or cv2.imread fail?")
    return frame.shape[0], frame.shape[1]


def rect_of(spec: Spec, width: int, height: int) -> Rect:
    """The rectangle of the logits that a frame of that size covers."""
    checked_size(width, height)
    return spec.rect(width, height)


def own_logits(spec: Spec, logits: Logits) -> Logits:
    """Contiguous (C, h, w) of logits (C, h, w) or (1, C, h, w) of the network that has this spec."""
    planes = checked_logits(logits)
    if not spec.fits_logits(planes.shape):
        raise FrameError(
            f"got logits {logits.shape}, but {spec.name} gives {len(spec.classes)} classes at stride {spec.stride} of "
            f"{spec.width}x{spec.height} pixels; are they another network's?"
        )
    return planes
