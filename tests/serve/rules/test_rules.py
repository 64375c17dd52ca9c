from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeseg.atomic import new_file
from edgeseg.segmenter import Segmenter
from edgeseg.serve.event_log import Event, EventLog
from edgeseg.serve.recording.fragments import LiveVideo
from edgeseg.serve.recording.names import entries
from edgeseg.serve.rules import event_files
from edgeseg.serve.rules.rules import Rules
from edgeseg.serve.settings import Rule, Zone
from edgeseg.video.model import Result
from tests.serve.results import START, decode, let_encode, make_result

CLASSES = ("road", "pedestrian", "sky")
LEFT = Zone("A", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
SOMEBODY = Rule("somebody", "pedestrian", "A", above=0.2, below=0.1, seconds=0.5)
WAIT = 30.0


class Camera:
    """Rules of a camera, fed by hand."""

    def __init__(self, rules: tuple[Rule, ...], model: Segmenter, folder: Path | None) -> None:
        self.events = EventLog()
        self.live = LiveVideo("gate", lambda: model, 10)
        self.rules = Rules("gate", (LEFT,), rules, CLASSES, self.events, self.live, folder)
        self.number = 0

    def put(self, shares: list[float], size: tuple[int, int] = (48, 64)) -> None:
        """Ten frames a second; the pedestrian covers these shares of zone A, from above."""
        for share in shares:
            mask = np.zeros(size, np.uint8)
            mask[: round(share * size[0]), : size[1] // 2] = 1
            result: Result = replace(make_result(self.number, size), mask=mask)
            self.live.put(result, START + self.number / 10)
            self.rules.put(result, START + self.number / 10)
            self.number += 1
            deadline = time.monotonic() + WAIT
            while self.rules._results:
                assert time.monotonic() < deadline
                time.sleep(0.001)
            let_encode(self.live)

    def close(self) -> list[Event]:
        self.live.close(WAIT)
        self.rules.close(WAIT)
        return self.events.newest(100)


@pytest.fixture
def open_camera(tiny: Segmenter) -> Iterator[Callable[..., Camera]]:
    cameras: list[Camera] = []

    def open_camera(*rules: Rule, folder: Path | None = None) -> Camera:
        cameras.append(Camera(rules, tiny, folder))
        return cameras[-1]

    yield open_camera
    for camera in cameras:
        camera.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("edgeseg-gate")]


def test_a_zone_without_a_pixel_is_told_where_the_size_changes(tiny: Segmenter) -> None:
    """Between two rows of centres, where the frame has 48."""
    narrow = Zone("line", ((0.0, 0.5), (1.0, 0.5), (1.0, 0.505), (0.0, 0.505)))
    events = EventLog()
    live = LiveVideo("gate", lambda: tiny, 10)
    rules = Rules("gate", (narrow,), (replace(SOMEBODY, zone="line"),), CLASSES, events, live)
    for number, size in enumerate([(48, 64), (48, 64), (480, 640), (48, 64)]):
        rules.put(make_result(number, size), START)
    rules.close(WAIT)
    live.close(WAIT)
    assert [event.text for event in events.newest(9)] == 2 * [
        "zone line has no pixel's centre in frames of 64x48, and its rules never hold; make it larger"
    ]


def test_a_rule_begins_and_ends(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(SOMEBODY)
    camera.put([0.3] * 4 + [0.15] + [0.3] * 7 + [0.15] * 5 + [0.0] * 7)
    begin, end = camera.close()
    assert (begin.kind, begin.name, begin.active, begin.camera) == ("rule", "somebody", True, "gate")
    assert begin.text == "pedestrian covers 29.17 % of zone A: more than 20 % for 0.5 s"
    assert (end.kind, end.name, end.active) == ("rule", "somebody", False)
    assert end.text == "pedestrian covers 0.00 % of zone A: no more than 10 % for 0.5 s"
    assert (begin.still, begin.clip) == (None, None)
    assert camera.rules.lost == 0


def test_rules_of_several_zones_and_sizes(open_camera: Callable[..., Camera]) -> None:
    at_once = replace(SOMEBODY, name="anywhere", zone=None, above=0.4, below=0.1, seconds=0.0)
    camera = open_camera(SOMEBODY, at_once)
    camera.put([0.5] * 7)  # a quarter of the picture
    camera.put([1.0] * 2, size=(32, 32))
    told = [(event.name, event.active) for event in camera.close()]
    assert told == [("somebody", True), ("anywhere", True)]


def test_a_gap_counts_for_nothing(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(SOMEBODY)
    camera.put([0.5] * 3)
    camera.rules.gap()
    camera.put([0.5] * 3)
    assert camera.close() == []


def test_still_and_clip(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(SOMEBODY, folder=tmp_path)
    camera.put([0.0] * 24 + [0.5] * 30)  # the event is in frame 29
    (event,) = camera.close()
    assert event.still == tmp_path / "gate-2026-11-28T12-00-02Z-900-event1.jpg"
    assert event.clip == event.still.with_suffix(".mp4")
    assert {entry.path for entry in entries(tmp_path, "gate")} == set(tmp_path.iterdir())  # they are deleted in time
    still = cv2.imread(str(event.still))
    assert still is not None
    assert abs(still[20:].astype(int) - make_result(29).frame[20:]).mean() < 3
    frames = decode(event.clip.read_bytes())
    assert [round(float(frame.time or 0), 3) for frame in frames] == [number / 10 for number in range(30)]
    levels = [float(np.median(frame.to_ndarray(format="bgr24")[24:])) for frame in frames]
    assert levels == pytest.approx(range(30), abs=3)


def test_a_clip_has_the_last_seconds(
    tmp_path: Path, open_camera: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_files, "BEFORE", 2)
    camera = open_camera(SOMEBODY, folder=tmp_path)
    camera.put([0.0] * 41 + [0.5] * 12)  # frame 46
    (event,) = camera.close()
    assert event.clip is not None
    assert len(decode(event.clip.read_bytes())) == 20


def test_a_folder_that_is_gone(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(SOMEBODY, folder=tmp_path / "gone")
    camera.put([0.5] * 8)
    begin, failure = camera.close()
    assert begin.name == "somebody"
    assert failure.kind == "recording"
    assert "an event lacks its files: cannot write" in failure.text


def test_a_disk_that_hangs_holds_no_event_up(
    tmp_path: Path, open_camera: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()

    def slow(path: Path) -> Any:
        answers.wait(WAIT)
        return new_file(path)

    monkeypatch.setattr(event_files, "new_file", slow)
    camera = open_camera(replace(SOMEBODY, seconds=0.0), folder=tmp_path)
    camera.put([0.5, 0.0] * 15)
    told = camera.events.newest(100)
    assert [event.active for event in told] == [True, False] * 15
    with_files = [event.clip is not None for event in told if event.active]
    assert with_files == [True] * (event_files.WAITING + 1) + [False] * (14 - event_files.WAITING)
    answers.set()
    camera.close()
    assert all(event.clip.exists() for event in told if event.clip is not None)
