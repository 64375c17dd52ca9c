"""Masks from a server are those of the bundle, and what is none is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import grpc
import numpy as np
import pytest

import edgeseg
from edgeseg.arrays import Image
from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError, FrameError, UsageError
from edgeseg.segmenter import load
from edgeseg.triton.servers import Patience
from tests.triton.conftest import FRAME, RANDOM, Connect, Serve


def decoded(jpeg: Any) -> Image:
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


def test_masks_are_those_of_the_bundle(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    model, here = remote(serve(bundle)), load(bundle, threads=1)
    for size in ((18, 30), (40, 50), (1, 2)):
        frame = RANDOM.integers(0, 256, (*size, 3), np.uint8)
        assert np.array_equal(model(frame), here(frame))
    turned = FRAME[::-1, ::2]  # not contiguous
    assert np.array_equal(model(turned), here(np.ascontiguousarray(turned)))
    assert np.array_equal(model.paint(model(FRAME), FRAME), here.paint(here(FRAME), FRAME))


def test_a_bundle_that_takes_several_pictures(serve: Serve, remote: Connect, batched: Bundle) -> None:
    server, here = serve(batched), load(batched, threads=1)
    assert np.array_equal(remote(server, bundle=batched)(FRAME), here(FRAME))
    jpeg = decoded(cv2.imencode(".jpg", FRAME, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])
    assert np.array_equal(remote(server, bundle=batched, jpeg=90)(FRAME), here(jpeg))


def test_labels_that_overlap(serve: Serve, remote: Connect, overlapping: Bundle) -> None:
    server, here = serve(overlapping), load(overlapping, threads=1)
    assert np.array_equal(remote(server, bundle=overlapping)(FRAME), here(FRAME))
    smooth = np.asarray(cv2.GaussianBlur(FRAME, (0, 0), 5), np.uint8)
    jpeg = decoded(cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])
    assert np.array_equal(remote(server, bundle=overlapping, jpeg=90)(smooth), here(jpeg))


def test_a_stream_of_it_is_that_of_the_bundle(serve: Serve, remote: Connect, bundle: Bundle, tmp_path: Path) -> None:
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"{number}.png"), RANDOM.integers(0, 256, (33, 44, 3), np.uint8))
    here = list(edgeseg.stream(load(bundle, threads=1), tmp_path, overlay=True))
    there = list(edgeseg.stream(remote(serve(bundle)), tmp_path, overlay=True, workers=3))
    assert len(here) == len(there) == 5
    for one, other in zip(here, there, strict=True):
        assert np.array_equal(np.asarray(one.mask), np.asarray(other.mask))
        assert np.array_equal(np.asarray(one.overlay), np.asarray(other.overlay))


def test_an_error_ends_a_stream(serve: Serve, remote: Connect, bundle: Bundle, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), FRAME)
    server = serve(bundle)
    model = remote(server)
    server.stop()
    with pytest.raises(EngineError, match="no server answered"):
        list(edgeseg.stream(model, tmp_path))


def test_closing_ends_who_waits(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    server = serve(bundle)
    model = remote(server, patience=Patience(60, 60))
    server.fault = lambda _: server.stopped.wait(60)
    seen = server.requests
    ended: list[BaseException] = []

    def ask() -> None:
        try:
            model(FRAME)
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while server.requests == seen:
        time.sleep(0.01)
    model.close()
    thread.join(20)
    assert not thread.is_alive()
    assert [type(error) for error in ended] == [EngineError]
    with pytest.raises(EngineError, match="closed"):
        model(FRAME)


def test_another_network_is_refused(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    good, other = serve(bundle), serve(bundle)
    other.network = bytes(32)
    with pytest.raises(EngineError, match=f"{other.address} runs another network than bundle tiny"):
        remote(good, other)
    model = remote(good)
    good.network = bytes(31)  # it was started again, with something else
    with pytest.raises(EngineError, match="runs another network"):
        model(FRAME)


def test_another_precision_is_refused(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    server = serve(bundle)
    assert remote(server, precision="fp32")(FRAME).shape == (40, 50)
    with pytest.raises(EngineError, match="runs fp32, not int8"):
        remote(server, precision="int8")


@pytest.mark.parametrize(
    "change",
    [
        lambda array: array[:-1],
        lambda array: array.T,
        lambda array: array + np.uint8(200),
        lambda array: array.astype(np.uint16),
        lambda array: array[:0],
    ],
    ids=["short", "turned", "unknown classes", "wide", "empty"],
)
@pytest.mark.parametrize("jpeg", [None, 90])
def test_what_is_no_mask_is_refused(
    serve: Serve, remote: Connect, bundle: Bundle, change: Callable[[Any], Any], jpeg: int | None
) -> None:
    server = serve(bundle)
    model = remote(server, jpeg=jpeg)
    mask = load(bundle, threads=1)(FRAME)

    def damage(name: str, array: Any) -> Any:
        if name == "mask_png" and change(mask).size:
            return cv2.imencode(".png", change(mask))[1].ravel()
        return array if name == "network" else array[:40]

    server.change = damage
    with pytest.raises(EngineError, match=r"gives no mask \(40, 50\) of 0 to 2 for a frame 50x40"):
        model(FRAME)


def test_a_refused_frame_is_not_sent_again(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    first, second = serve(bundle), serve(bundle)
    model = remote(first, second)
    first.fault = lambda context: context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such frame")
    seen = second.requests
    with pytest.raises(EngineError, match="refuses: no such frame"):
        model(FRAME)
    assert second.requests == seen


@pytest.mark.parametrize("frame", [FRAME[..., 0], FRAME[..., :2], FRAME.astype(np.float32), FRAME[:0], None])
def test_what_is_no_frame_is_not_sent(serve: Serve, remote: Connect, bundle: Bundle, frame: Any) -> None:
    with pytest.raises(FrameError, match=r"got .* frame|got an array"):
        remote(serve(bundle))(frame)


def test_logits_stay_there(serve: Serve, remote: Connect, bundle: Bundle) -> None:
    model = remote(serve(bundle))
    calls: list[Callable[[], object]] = [
        lambda: model.infer(FRAME),
        lambda: model.mask(None, 1, 1),
        lambda: model.overlay(None, FRAME),
    ]
    for call in calls:
        with pytest.raises(EngineError, match="masks, not logits"):
            call()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"jpeg": 0}, "JPEG quality 0"), ({"jpeg": 101}, "JPEG quality 101")],
)
def test_numbers_out_of_range(remote: Connect, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        remote("127.0.0.1:1", **options)
