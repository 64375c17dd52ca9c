"""Results of a camera that never was, and what becomes of them as video."""

from __future__ import annotations

import io
import time

import av
import numpy as np

from edgeseg.serve.recording.fragments import LiveVideo
from edgeseg.video.model import Result

START = 1_795_867_200.0
"""2026-11-28T12:00:00Z."""


def make_result(
    number: int, size: tuple[int, int] = (48, 64), captured: float | None = None, classes: int = 3
) -> Result:
    """A frame whose grey level is its number, with noise in its upper third; its mask is of vertical stripes."""
    height, width = size
    frame = np.full((height, width, 3), number % 200, np.uint8)
    frame[: height // 3] = np.random.default_rng(number).integers(0, 256, (height // 3, width, 3))
    mask = np.broadcast_to((np.arange(width) + number) // 8 % classes, size).astype(np.uint8)
    at = number / 10 if captured is None else captured
    return Result(number, frame, mask, None, at, at, at, {}, None)


def decode(data: bytes) -> list[av.VideoFrame]:
    """All frames of a video, by FFmpeg."""
    with av.open(io.BytesIO(data), "r") as container:
        return list(container.decode(video=0))


def let_encode(live: LiveVideo) -> None:
    """Waits until its encoders have taken what was put: a busy machine would lose frames, and count them."""
    deadline = time.monotonic() + 30
    while any(channel._frames for channel in live._channels.values()):
        assert time.monotonic() < deadline
        time.sleep(0.0005)
