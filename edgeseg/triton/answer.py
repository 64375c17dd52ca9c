"""A request's answer, apart from the server: frame or picture in, what was asked for out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeseg.arrays import Image
from edgeseg.errors import FrameError
from edgeseg.picture import decode_picture
from edgeseg.segmenter import Segmenter
from edgeseg.triton.contract import FRAME, MASK, MASK_PNG, NETWORK, PICTURE
from edgeseg.video.masks import PARAMETERS


def answer(
    model: Segmenter, network: bytes, tensors: Mapping[str, NDArray[np.uint8]], wanted: Collection[str]
) -> dict[str, NDArray[np.uint8]]:
    """The outputs that a request wants, C-contiguous.

    Args:
        model: that makes the mask.
        network: its `identity`.
        tensors: the request's inputs, by name: FRAME, uint8 (H, W, 3) in BGR, or PICTURE, a file's bytes.
        wanted: names of outputs.

    Raises:
        FrameError: there is not one of the two inputs, or the frame is none.
        DataError: the picture cannot be decoded, or is too large.
    """
    mask = model(_frame(tensors))
    outputs = {NETWORK: np.frombuffer(network, np.uint8).copy()}
    if MASK in wanted:
        outputs[MASK] = mask
    if MASK_PNG in wanted:
        outputs[MASK_PNG] = cv2.imencode(".png", mask.reshape(-1, mask.shape[-1]), PARAMETERS)[1].ravel()
    return {name: tensor for name, tensor in outputs.items() if name in wanted}


def _frame(tensors: Mapping[str, NDArray[np.uint8]]) -> Image:
    if len(tensors) != 1:
        raise FrameError(f"got {' and '.join(sorted(tensors)) or 'no input'}, expected {FRAME} or {PICTURE}")
    if PICTURE in tensors:
        return decode_picture(tensors[PICTURE].tobytes(), Path(PICTURE)).image
    return tensors[FRAME]
