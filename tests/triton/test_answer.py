from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.arrays import Image
from edgeseg.bundle import Bundle
from edgeseg.errors import DataError, FrameError
from edgeseg.segmenter import Segmenter, load
from edgeseg.triton.answer import Question, answer
from edgeseg.triton.contract import FRAME, MASK, MASK_PNG, NETWORK, PICTURE

ALL = [MASK, MASK_PNG, NETWORK]
RANDOM = np.random.default_rng(0)


def only(model: Segmenter, tensors: dict[str, Any], wanted: list[str]) -> dict[str, NDArray[np.uint8]]:
    (outputs,) = answer(model, b"me", [Question(tensors, wanted)])
    return outputs


def decoded(file: NDArray[Any]) -> Image:
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_UNCHANGED), np.uint8)


@pytest.mark.parametrize("size", [(18, 30), (50, 41), (1, 1)])
def test_the_png_holds_the_mask_of_the_frame(bundle: Bundle, size: tuple[int, int]) -> None:
    model, frame = load(bundle, threads=1), RANDOM.integers(0, 256, (*size, 3), np.uint8)
    outputs = only(model, {FRAME: frame}, ALL)
    assert np.array_equal(outputs[MASK], model(frame))
    assert np.array_equal(decoded(outputs[MASK_PNG]), outputs[MASK])
    assert outputs[NETWORK].tobytes() == b"me"
    assert all(array.dtype == np.uint8 and array.flags.c_contiguous for array in outputs.values())


def test_labels_that_overlap_lie_below_each_other_in_the_png(overlapping: Bundle) -> None:
    model, frame = load(overlapping, threads=1), RANDOM.integers(0, 256, (20, 31, 3), np.uint8)
    outputs = only(model, {FRAME: frame}, ALL)
    assert outputs[MASK].shape == (3, 20, 31)
    assert np.array_equal(np.vstack(list(outputs[MASK])), decoded(outputs[MASK_PNG]))


def test_a_picture_is_decoded_as_one_from_a_file(bundle: Bundle) -> None:
    model, frame = load(bundle, threads=1), RANDOM.integers(0, 256, (24, 32, 3), np.uint8)
    jpeg = cv2.imencode(".jpg", frame)[1].ravel()
    outputs = only(model, {PICTURE: jpeg}, [MASK])
    assert list(outputs) == [MASK]
    assert np.array_equal(outputs[MASK], model(decoded(jpeg)))


@pytest.mark.parametrize("names", [(), (FRAME, PICTURE)])
def test_one_input_is_expected(bundle: Bundle, names: tuple[str, ...]) -> None:
    tensors = {name: np.zeros((4, 4, 3), np.uint8) for name in names}
    with pytest.raises(FrameError, match="expected frame or picture"):
        only(load(bundle, threads=1), tensors, ALL)


def test_what_is_no_frame_is_refused(bundle: Bundle) -> None:
    model = load(bundle, threads=1)
    with pytest.raises(FrameError, match="empty frame"):
        only(model, {FRAME: np.zeros((0, 5, 3), np.uint8)}, ALL)
    with pytest.raises(DataError, match="picture cannot be decoded"):
        only(model, {PICTURE: np.zeros(9, np.uint8)}, ALL)
    huge = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + (2**20).to_bytes(4, "big") * 2 + bytes(40)
    with pytest.raises(DataError, match="claims to be 1048576x1048576"):
        only(model, {PICTURE: np.frombuffer(huge, np.uint8)}, ALL)


def test_requests_of_any_sizes_are_answered_together_as_alone(batched: Bundle) -> None:
    """Of a bundle that takes four pictures at once: seven frames in five requests."""
    model = load(batched, threads=1)
    sizes = [(1, 18, 30), (2, 50, 41), (1, 9, 9), (2, 18, 30), (1, 64, 48)]
    groups = [RANDOM.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    jpeg = cv2.imencode(".jpg", groups[0][0])[1].ravel()
    questions = [Question({FRAME: group}, [MASK, NETWORK]) for group in groups]
    *answers, of_jpeg = answer(model, b"me", [*questions, Question({PICTURE: jpeg[np.newaxis]}, [MASK_PNG])])
    for group, outputs in zip(groups, answers, strict=True):
        assert np.array_equal(outputs[MASK], np.stack([model(frame) for frame in group]))
        assert outputs[NETWORK].tobytes() == b"me" * len(group)
        assert outputs[MASK].flags.c_contiguous
    assert np.array_equal(decoded(of_jpeg[MASK_PNG][0]), model(decoded(jpeg)))
    with pytest.raises(FrameError, match="got 2 frames in one request, expected one where mask_png is wanted"):
        only(model, {FRAME: groups[1]}, ALL)
