"""A camera that a test holds in its hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edgeseg.video.live import LiveSource, Reading


class Camera:
    """A camera that gives a frame each time the test says so, and None after `last`."""

    def __init__(self) -> None:
        self.given = 0
        self.released = 0
        self._allowed = threading.Semaphore(0)
        self._last = False
        self._waiting = threading.Event()

    def read(self) -> Reading | None:
        self._waiting.set()
        self._allowed.acquire()
        self._waiting.clear()
        if self._last:
            return None
        image = np.full((4, 6, 3), self.given, np.uint8)
        self.given += 1
        return Reading(image, self.given / 30, time.perf_counter(), 0.001)

    def shoot(self, frames: int = 1) -> None:
        """Gives frames, and returns when the last was taken in."""
        for _ in range(frames):
            assert self._waiting.wait(5)
            self._waiting.clear()
            self._allowed.release()
        assert self._waiting.wait(5)

    def end(self) -> None:
        self._last = True
        self._allowed.release()

    def release(self) -> None:
        self.released += 1


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Iterator[Camera]:
    monkeypatch.setattr("edgeseg.video.live.JOIN_SECONDS", 0.05)  # reads of this camera do get stuck
    camera = Camera()
    yield camera
    camera.end()


def open_camera(camera: Camera, timeout: float = 5.0) -> LiveSource:
    camera._allowed.release()  # the frame that opening waits for
    return LiveSource("camera", camera.read, camera.release, fps=None, timeout=timeout)
