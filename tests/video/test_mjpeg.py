"""MJPEG over HTTP, as cameras send it: times, damage, changes of size, silence."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler

import cv2
import numpy as np
import pytest

from edgeseg.video.open import open_source
from edgeseg.video.source import Ended
from tests.video.http_server import Handler, Serve

pytestmark = pytest.mark.usefixtures("no_thread_left")


def jpeg(level: int, size: tuple[int, int] = (64, 48)) -> bytes:
    return cv2.imencode(".jpg", np.full((size[1], size[0], 3), level, np.uint8))[1].tobytes()


def mjpeg(
    pictures: list[bytes],
    pause: float,
    *,
    hold: float = 0.0,
    kind: str = "Content-Type: image/jpeg\r\n",
    length: int | None = None,
) -> Handler:
    """A camera's MJPEG: a picture every `pause` seconds; then silence for `hold` seconds.

    Args:
        pictures: JPEGs.
        pause: seconds.
        hold: seconds.
        kind: header of each part.
        length: number of bytes that the camera makes up for the whole.
    """

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        if length is not None:
            request.send_header("Content-Length", str(length))
        request.end_headers()
        try:
            for picture in pictures:
                head = f"--frame\r\n{kind}Content-Length: {len(picture)}\r\n\r\n"
                request.wfile.write(head.encode() + picture + b"\r\n")
                time.sleep(pause)
            time.sleep(hold)
        except OSError:  # whoever listened has gone
            pass

    return answer


def test_times_of_mjpeg_are_those_of_arrival(serve: Serve) -> None:
    """10 frames a second, of which FFmpeg would make 25."""
    url = serve(mjpeg([jpeg(10 * n) for n in range(20)], 0.1))
    with open_source(url, timeout=10) as source:
        frames = list(source)
    assert source.fps is None
    assert len(frames) + source.skipped.before_start + source.dropped >= 19
    seen = [frame.timestamp for frame in frames]
    arrived = [frame.captured - frames[0].captured for frame in frames]
    assert np.allclose(np.array(seen) - seen[0], arrived, atol=0.02)
    assert source.ended is not None
    assert source.ended.how == "lost"


@pytest.mark.parametrize("kind", ["Content-Type: image/jpg\r\n", "Content-Type: application/octet-stream\r\n", ""])
def test_parts_of_any_type_are_pictures(serve: Serve, kind: str) -> None:
    with open_source(serve(mjpeg([jpeg(10 * n) for n in range(20)], 0.05, kind=kind)), timeout=5) as source:
        frames = list(source)
    assert len(frames) + source.skipped.before_start + source.dropped >= 18
    assert frames[-1].image.mean() == pytest.approx(190, abs=12)
    assert source.skipped.damaged == 0


@pytest.mark.parametrize("kind", ["Content-Type: image/jpeg\r\n", "Content-Type: image/jpg\r\n"])
def test_a_number_of_bytes_that_a_camera_makes_up_is_no_end(serve: Serve, kind: str) -> None:
    url = serve(mjpeg([jpeg(10 * n) for n in range(20)], 0.05, kind=kind, length=2**31 - 1))
    with open_source(url, timeout=5) as source:
        assert source.live


def test_a_damaged_picture_does_not_end_mjpeg(serve: Serve) -> None:
    pictures = [jpeg(10 * n) for n in range(20)]
    pictures[8] = pictures[8][:100]
    pictures[10] = b"\xff\xd8" + bytes(300)
    pictures[12] = b"garbage" * 30
    pictures[14] = b""
    with open_source(serve(mjpeg(pictures, 0.05)), timeout=2) as source:
        frames = list(source)
    assert frames[-1].image.mean() == pytest.approx(190, abs=3)
    assert source.skipped.damaged == 4


def test_nothing_but_damage_ends_in_time(serve: Serve) -> None:
    pictures = [jpeg(n) for n in range(5)] + [jpeg(9)[:100]] * 100
    with open_source(serve(mjpeg(pictures, 0.03)), timeout=1) as source:
        assert len(list(source)) >= 1
    assert source.ended is not None
    assert "gave no frame that can be decoded" in str(source.ended.reason)


def test_a_change_of_size_in_a_live_stream(serve: Serve) -> None:
    pictures = [jpeg(100)] * 8 + [jpeg(100, (96, 64))] * 8
    with open_source(serve(mjpeg(pictures, 0.05)), timeout=2) as source:
        frames = list(source)
    assert {frame.image.shape for frame in frames} == {(48, 64, 3), (64, 96, 3)}
    assert frames[-1].image.shape == (64, 96, 3)


def test_silence_is_a_time_out(serve: Serve) -> None:
    with open_source(serve(mjpeg([jpeg(n) for n in range(10)], 0.02, hold=5)), timeout=0.5) as source:
        assert len(list(source)) >= 1
    assert source.ended == Ended("lost", f"{source.name} gave no frame for 0.5 s")
