"""Frames to results, one or several in one call of the network: what a stream and a service do with what they read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from edgeseg.arrays import Image, Logits, Mask
from edgeseg.spec import Spec
from edgeseg.video.model import Model, Result
from edgeseg.video.source import Frame

Change = Callable[[Frame, Logits], Logits]
"""Takes a frame and its logits, and gives those that its mask is made of."""


class Wanted(NamedTuple):
    """What is made of a frame.

    Attributes:
        masks: its mask.
        overlay: its overlay.
        alpha: weight of the classes' colours there.
    """

    masks: bool = True
    overlay: bool = False
    alpha: float = 0.5


MASKS = Wanted()


def make_room(spec: Spec, batch: int) -> Image:
    """Memory for the network's input, uint8 (batch, H, W, 3)."""
    return np.empty((batch, spec.height, spec.width, 3), np.uint8)


def prepare(model: Model, images: Sequence[Image], room: Image) -> Any:
    """The network's input for one picture, which may be the picture itself, or for several, which lie in `room`."""
    if len(images) == 1:
        return model.prepare(images[0], out=room[:1])
    for place, image in enumerate(images):
        out = room[place : place + 1]
        tensor = model.prepare(image, out=out)
        if tensor is not out:
            out[:] = tensor
    return room[: len(images)]


def segment(
    model: Model, frames: Sequence[Frame], room: Image, wanted: Wanted = MASKS, changes: Sequence[Change | None] = ()
) -> Iterator[Result | Exception]:
    """The results of frames that the network is given at once, in order, each as soon as it is finished.

    Of several frames each takes its share of the seconds in `prepare`, and all of those in `infer`.

    Args:
        model: segments.
        frames: one, or up to `model.batch`, of any sizes.
        room: of `make_room`, for as many frames at least.
        wanted: what is made of each.
        changes: one for each frame, or none at all.

    Yields:
        A result, or what went wrong with this frame alone.

    Raises:
        Exception: the frames could not be prepared or inferred; nothing was given before.
    """
    begun = time.perf_counter()
    tensor = prepare(model, [frame.image for frame in frames], room)
    prepared = time.perf_counter()
    changes = changes or [None] * len(frames)
    mask: Mask | None = None
    logits: Any = None
    if model.makes_masks and all(change is None for change in changes):  # it takes one frame at a time
        height, width = frames[0].image.shape[:2]
        mask = model.segment(tensor, width, height)
    else:
        logits = model.infer(tensor)
    inferred = started = time.perf_counter()
    for place, (frame, change) in enumerate(zip(frames, changes, strict=True)):
        own = logits if len(frames) == 1 else logits[place : place + 1]
        outcome: Result | Exception
        try:
            pictures = _pictures(model, frame, mask, own if change is None else change(frame, own), wanted)
        except Exception as error:
            outcome = error
        else:
            done = time.perf_counter()
            seconds = {
                "capture": frame.seconds,
                "prepare": (prepared - begun) / len(frames),
                "infer": inferred - prepared,
                "kernel": done - started,
            }
            outcome = _result(model.spec, frame, *pictures, done, seconds)
        yield outcome
        started = time.perf_counter()


def _pictures(
    model: Model, frame: Frame, mask: Mask | None, logits: Any, wanted: Wanted
) -> tuple[Mask | None, Image | None]:
    """Mask and overlay, of the logits or of a mask that the engine made."""
    height, width = frame.image.shape[:2]
    overlay = None
    if mask is not None:
        if wanted.overlay:
            overlay = model.paint(mask, frame.image, alpha=wanted.alpha)
    elif wanted.overlay:
        mask = np.empty(model.spec.mask_shape(width, height), np.uint8) if wanted.masks else None
        overlay = model.overlay(logits, frame.image, alpha=wanted.alpha, mask=mask)
    else:
        mask = model.mask(logits, width, height)
    return mask if wanted.masks else None, overlay


def _result(
    spec: Spec, frame: Frame, mask: Mask | None, overlay: Image | None, done: float, seconds: dict[str, float]
) -> Result:
    return Result(
        index=frame.index,
        frame=frame.image,
        mask=mask,
        overlay=overlay,
        timestamp=frame.timestamp,
        captured=frame.captured,
        done=done,
        seconds=seconds,
        name=frame.name,
        labels=() if spec.head.exclusive else spec.classes,
    )
