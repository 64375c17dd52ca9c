"""Requests' answers, apart from the server: frames or pictures in, what was asked for out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.arrays import Image, Mask
from edgeseg.errors import FrameError
from edgeseg.picture import decode_picture
from edgeseg.segmenter import Segmenter
from edgeseg.triton.contract import FRAME, MASK, MASK_PNG, NETWORK, PICTURE, is_batched
from edgeseg.video.masks import PARAMETERS

Tensors = Mapping[str, NDArray[np.uint8]]
"""By name."""


class Question(NamedTuple):
    """A request.

    Attributes:
        tensors: its inputs: FRAME, uint8 (H, W, 3) in BGR, or PICTURE, a file's bytes; if the model is batched, several
            along the first axis.
        wanted: names of the outputs that it asks for.
    """

    tensors: Tensors
    wanted: Collection[str]


def answer(model: Segmenter, network: bytes, questions: Sequence[Question]) -> list[dict[str, NDArray[np.uint8]]]:
    """The outputs that each request wants, C-contiguous; the network runs once for as many frames as it takes.

    Args:
        model: that makes the masks.
        network: its `identity`.
        questions: what is asked.

    Raises:
        FrameError: there is not one of the two inputs, the frame is none, or PNGs of several frames are wanted.
        DataError: the picture cannot be decoded, or is too large.
    """
    batched = is_batched(model.spec)
    frames = [_frames(question.tensors, batched=batched) for question in questions]
    masks = iter(model.masks([frame for group in frames for frame in group]))
    return [
        _outputs([next(masks) for _ in group], network, question.wanted, batched=batched)
        for question, group in zip(questions, frames, strict=True)
    ]


def _outputs(
    masks: Sequence[Mask], network: bytes, wanted: Collection[str], *, batched: bool
) -> dict[str, NDArray[np.uint8]]:
    if MASK_PNG in wanted and len(masks) > 1:
        raise FrameError(f"got {len(masks)} frames in one request, expected one where {MASK_PNG} is wanted")
    each: dict[str, list[NDArray[np.uint8]]] = {NETWORK: [np.frombuffer(network, np.uint8)] * len(masks)}
    if MASK in wanted:
        each[MASK] = list(masks)
    if MASK_PNG in wanted:
        each[MASK_PNG] = [
            cv2.imencode(".png", mask.reshape(-1, mask.shape[-1]), PARAMETERS)[1].ravel() for mask in masks
        ]
    return {name: np.stack(arrays) if batched else arrays[0].copy() for name, arrays in each.items() if name in wanted}


def _frames(tensors: Tensors, *, batched: bool) -> list[Image]:
    if len(tensors) != 1:
        raise FrameError(f"got {' and '.join(sorted(tensors)) or 'no input'}, expected {FRAME} or {PICTURE}")
    ((name, tensor),) = tensors.items()
    each = list(tensor) if batched else [tensor]
    return [decode_picture(file.tobytes(), Path(PICTURE)).image for file in each] if name == PICTURE else each
