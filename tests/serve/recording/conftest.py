"""A camera that is recorded, fed by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeseg.segmenter import Segmenter
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.recording.fragments import LiveVideo
from edgeseg.serve.recording.recorder import Recorder
from edgeseg.serve.settings import RecordingSettings
from tests.serve.results import START, decode, let_encode, make_result

CLASSES = ("road", "sky", "other")
WAIT = 30.0


class Camera:
    """A recorder and the video it records, fed by hand."""

    def __init__(self, settings: RecordingSettings, model: Segmenter) -> None:
        self.events = EventLog()
        self.live = LiveVideo("gate", lambda: model, 10)
        self.recorder = Recorder(settings, "gate", self.live, self.events, CLASSES)
        self.number = 0
        self.slowest = 0.0

    def put(self, seconds: float) -> None:
        """So many seconds of ten frames each, as fast as they are encoded; the longest `put` is noted."""
        for _ in range(round(10 * seconds)):
            result = make_result(self.number)
            for sink in (self.live, self.recorder):
                started = time.perf_counter()
                sink.put(result, START + self.number / 10)
                self.slowest = max(self.slowest, time.perf_counter() - started)
            self.number += 1
            let_encode(self.live)
            wait_for(lambda: len(self.recorder._pieces.waiting()) < 20)
            wait_for(lambda: self.recorder._masks is None or not self.recorder._masks._results)

    def close(self) -> None:
        self.live.close(WAIT)
        self.recorder.close(WAIT)

    def told(self) -> list[str]:
        return [event.name for event in self.events.newest(100)]


@pytest.fixture
def open_camera(tiny: Segmenter) -> Iterator[Callable[..., Camera]]:
    cameras: list[Camera] = []

    def open_camera(folder: Path, **settings: Any) -> Camera:
        cameras.append(Camera(RecordingSettings(folder, **{"segment_seconds": 2.0, **settings}), tiny))
        return cameras[-1]

    yield open_camera
    for camera in cameras:
        camera.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("edgeseg-gate")]


def frames(folder: Path, pattern: str = "[!.]*.mp4") -> dict[str, int]:
    """Frames of each finished file."""
    return {path.name: len(decode(path.read_bytes())) for path in sorted(folder.glob(pattern))}


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
