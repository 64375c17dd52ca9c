"""Flicker: pixels that change class although the picture did not change, with and without steady masks.

A pixel of a frame is unchanged if no channel of any pixel of its neighbourhood, the square of 2 REACH + 1 pixels around
it, differs by more than NOISE levels from the frame before.

    flicker = unchanged pixels that have another class than in the frame before / unchanged pixels, over all frames

An average over time makes masks steadier and later at once, so a second figure says what the first one costs:

    lag = other pixels whose class is not that of the plain mask / other pixels

Neither asks whether a class is right: a network that says the same of everything has no flicker. What a network answers
at a place depends on more than the neighbourhood; where something far away changes the class, that counts as flicker.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.arrays import Image, Mask
from edgeseg.segmenter import Segmenter
from edgeseg.serve.smoother import Smoother
from edgeseg.video.source import Frame

NOISE = 10
"""Levels of 255. What sensors and encoders alter from frame to frame in a picture that stands still is mostly less;
where an edge that one can see moves, it is more."""

REACH = 8
"""Pixels of the frame. Masks are computed coarser than pixels, and what moves this near would move their borders too.
It is the same for every network, so that all are judged by the same pixels."""

WEIGHTS = (0.3, 0.6, 0.9)
"""Settings of `smooth` that are tried."""


def measure(model: Segmenter, frames: Iterable[Frame]) -> dict[str, Any]:
    """Segments frames one after the other, plainly and with each of WEIGHTS.

    Args:
        model: segments.
        frames: of one video, without leaving any out.

    Returns:
        frames: pairs of neighbours that were compared; of two sizes they are not.
        unchanged: share of the pixels, 0 to 1; None without pairs.
        plain: flicker of the masks as they are, 0 to 1; None where no pixel was unchanged.
        smooth: for each of WEIGHTS its weight, flicker, and lag, None where no pixel changed.
    """
    smoothers = [Smoother(weight) for weight in WEIGHTS]
    flickers, lags = np.zeros(1 + len(WEIGHTS), np.int64), np.zeros(1 + len(WEIGHTS), np.int64)
    pairs = still = moving = 0
    image: Image | None = None
    before: list[Mask] = []
    for frame in frames:
        height, width = frame.image.shape[:2]
        logits = model.infer(model.prepare(frame.image))
        masks = [model.mask(logits, width, height)]
        masks += [model.mask(smoother(model, frame, logits), width, height) for smoother in smoothers]
        if image is not None and image.shape == frame.image.shape:
            same = unchanged(image, frame.image)
            pairs, still, moving = pairs + 1, still + int(same.sum()), moving + int((~same).sum())
            flickers += [_count(_differ(mask, last) & same) for mask, last in zip(masks, before, strict=True)]
            lags += [_count(_differ(mask, masks[0]) & ~same) for mask in masks]
        image, before = frame.image.copy(), masks
    plain, *smooth = [_share(each, still) for each in flickers.tolist()]
    late = [_share(each, moving) for each in lags.tolist()[1:]]
    return {
        "frames": pairs,
        "unchanged": _share(still, still + moving),
        "plain": plain,
        "smooth": [
            {"weight": weight, "flicker": flicker, "lag": lag}
            for weight, flicker, lag in zip(WEIGHTS, smooth, late, strict=True)
        ],
    }


def unchanged(before: Image, now: Image) -> NDArray[np.bool_]:
    """Which pixels (H, W) of two frames, uint8 (H, W, 3), are the same but for noise, their neighbourhood too."""
    changed = (cv2.absdiff(before, now).max(axis=2) > NOISE).astype(np.uint8)
    side = 2 * REACH + 1
    return np.asarray(cv2.dilate(changed, np.ones((side, side), np.uint8)) == 0)


def _differ(mask: Mask, other: Mask) -> NDArray[np.bool_]:
    """Which pixels (H, W) have another class, or any other label where labels overlap."""
    differ: NDArray[np.bool_] = mask != other
    return np.asarray(differ.any(axis=0)) if differ.ndim == 3 else differ


def _count(pixels: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(pixels))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
