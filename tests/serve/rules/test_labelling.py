"""A set that `edgeseg train` reads, of the frames that are doubted most, bounded and spread over time."""

from __future__ import annotations

import errno
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.accuracy.dataset import Dataset
from edgeseg.errors import UsageError
from edgeseg.segmenter import Segmenter
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.rules import coco_file
from edgeseg.serve.rules.coco_file import NAME, locked
from edgeseg.serve.rules.labelling import LabellingSet, _dispensable, _Frame
from edgeseg.serve.settings import LabellingSettings
from edgeseg.spec import Head, Spec
from edgeseg.video.model import Result
from tests.serve.results import START, make_result

WAIT = 30.0


class Camera:
    """A set that is fed by hand; the network's uncertainty is a frame's first byte, in hundredths."""

    def __init__(self, settings: LabellingSettings, spec: Spec, model: Segmenter, name: str = "gate") -> None:
        self.events = EventLog()
        self.drifting = False
        self.set = LabellingSet(settings, name, spec, lambda: model, self.events, lambda: self.drifting)

    def put(self, at: float, doubt: int = 10, mask: int = 0) -> None:
        result = make_result(0, captured=at)
        frame = np.full_like(result.frame, 100)
        frame[0, 0, 0] = doubt
        put: Result = replace(result, frame=frame, mask=np.full(frame.shape[:2], mask, np.uint8))
        self.set.put(put, START + at)
        deadline = time.monotonic() + WAIT
        while self.set._candidates.qsize():
            assert time.monotonic() < deadline
            time.sleep(0.0005)

    def told(self) -> list[str]:
        self.set.close(WAIT)
        return [event.name for event in self.events.newest(100)]


@pytest.fixture
def open_camera(spec: Spec, tiny: Segmenter, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Camera]]:
    cameras: list[Camera] = []
    monkeypatch.setattr("edgeseg.serve.rules.labelling.uncertainty", lambda _, frame: frame[0, 0, 0] / 100)

    def open_camera(folder: Path, name: str = "gate", **settings: Any) -> Camera:
        cameras.append(Camera(LabellingSettings(folder, **settings), spec, tiny, name))
        return cameras[-1]

    yield open_camera
    for camera in cameras:
        camera.set.close(WAIT)
        assert not camera.set._thread.is_alive()


def names(folder: Path) -> list[str]:
    images, masks = ([path.stem for path in sorted((folder / each).iterdir())] for each in ("images", "masks"))
    assert images == masks
    return images


def test_the_set_is_one_that_edgeseg_reads(tmp_path: Path, spec: Spec, tiny: Segmenter) -> None:
    camera = Camera(LabellingSettings(tmp_path, every=1.0), spec, tiny)  # a real network's doubt
    results = [make_result(number) for number in range(25)]
    for result in results:
        camera.set.put(result, START + result.captured)
        while camera.set._candidates.qsize():
            time.sleep(0.001)
    assert camera.told() == []
    dataset = Dataset.open(tmp_path)
    assert (dataset.classes.names, dataset.classes.palette, dataset.classes.ignore) == (
        spec.classes,
        spec.palette,
        spec.ignore,
    )
    assert len(dataset.pairs) == 3
    for index in range(3):
        image, label = dataset.load(index)
        fitting = [result for result in results if result.mask is not None and np.array_equal(result.mask, label)]
        assert any(np.abs(image[20:].astype(int) - result.frame[20:]).max() <= 3 for result in fitting)


def test_of_each_span_the_most_doubted_frame_stays(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(tmp_path)
    for at, doubt in [(0, 20), (2, 50), (4, 30), (10, 5), (12, 4), (20, 70)]:
        camera.put(at, doubt)
    assert camera.told() == []
    assert names(tmp_path) == [
        "gate-2026-11-28T12-00-02Z-5000",
        "gate-2026-11-28T12-00-10Z-0500",
        "gate-2026-11-28T12-00-20Z-7000",
    ]


def test_frames_between_those_that_are_judged_cost_nothing(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(tmp_path, every=10.0)
    for at, doubt in [(0, 1), (1, 90), (2, 2), (3.9, 90), (4, 3)]:
        camera.put(at, doubt)
    camera.told()
    assert names(tmp_path) == ["gate-2026-11-28T12-00-04Z-0300"]


def test_masks_that_change_between_neighbours_are_doubted(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(tmp_path)
    camera.put(0, 10, mask=1)
    camera.put(3, 10, mask=2)
    camera.set.gap()
    camera.put(12, 20, mask=1)
    camera.told()
    assert names(tmp_path) == ["gate-2026-11-28T12-00-03Z-9999", "gate-2026-11-28T12-00-12Z-2000"]


def test_frames_of_drift_are_doubted_more(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(tmp_path)
    camera.put(0, 70)
    camera.put(2, 10)
    for _ in range(2):
        camera.put(10, 70)
    camera.told()
    camera = open_camera(tmp_path)
    camera.drifting = True
    camera.put(20, 30)
    camera.put(22, 10)
    camera.told()
    assert names(tmp_path)[-1] == "gate-2026-11-28T12-00-20Z-6500"


def test_a_full_set_stays_full_and_spread(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    other = open_camera(tmp_path, "door", every=1.0)
    other.put(0)
    other.told()
    camera = open_camera(tmp_path, every=1.0, most=4)
    for at, doubt in [(0, 50), (10, 10), (11, 60), (20, 20), (30, 30)]:
        camera.put(at, doubt)
    camera.told()
    assert [name[-11:-5] for name in names(tmp_path) if name.startswith("gate")] == [
        "00-00Z",
        "00-11Z",
        "00-20Z",
        "00-30Z",
    ]
    assert [name for name in names(tmp_path) if name.startswith("door")] == ["door-2026-11-28T12-00-00Z-1000"]
    again = open_camera(tmp_path, every=1.0, most=2)  # frames of earlier runs count
    again.put(100, 1)
    again.told()
    assert len([name for name in names(tmp_path) if name.startswith("gate")]) == 2


def test_cocos_json_lists_the_frames_that_are_there(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    cameras = [open_camera(tmp_path, name, every=1.0, most=32) for name in ("gate", "door")]
    for at in range(60):
        for camera in cameras:
            camera.put(at, mask=at % 2)
    assert [camera.told() for camera in cameras] == [[], []]
    assert {each["file_name"] for each in json.loads((tmp_path / coco_file.NAME).read_text())["images"]} == {
        f"{name}.jpg" for name in names(tmp_path)
    }
    for name in ("gate", "door"):
        assert 30 <= len([each for each in names(tmp_path) if each.startswith(name)]) <= 32


def test_frames_are_kept_beside_somebody_elses_json(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    (tmp_path / coco_file.NAME).parent.mkdir()
    (tmp_path / coco_file.NAME).write_text("{}")
    camera = open_camera(tmp_path, every=1.0)
    for at in range(3):
        camera.put(at)
    assert camera.told() == ["labelling_unlisted"]
    assert len(names(tmp_path)) == 3
    assert (tmp_path / coco_file.NAME).read_text() == "{}"


def test_a_set_is_bounded_in_bytes(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(tmp_path, every=1.0, most_bytes=3000)
    for at in range(20):
        camera.put(at)
    camera.told()
    total = sum(path.stat().st_size for each in ("images", "masks") for path in (tmp_path / each).iterdir())
    assert 0 < total <= 3000


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9999)), min_size=1, max_size=120), st.integers(3, 20))
def test_what_is_left_is_spread_over_all_the_time(arrivals: list[tuple[int, int]], most: int) -> None:
    frames: list[_Frame] = []
    now = 0
    for step, doubt in arrivals:
        now += step
        frames.append(_Frame(float(now), f"gate-{now:04d}-{doubt:04d}", 1))
        if len(frames) > most:
            frames.remove(_dispensable(frames))
    gaps = [later.time - frame.time for frame, later in itertools.pairwise(frames)]
    assert frames[0].time == arrivals[0][0]
    assert frames[-1].time == now
    mean = (frames[-1].time - frames[0].time) / (most - 1)  # of most + 1 frames the gaps are 1 + 1 / (most - 1) of it
    assert all(gap <= max(2 * mean, *(step for step, _ in arrivals)) for gap in gaps)


@pytest.mark.parametrize("doubts", [[10] * 200, list(range(200)), list(range(200, 0, -1))])
def test_the_oldest_do_not_go_first(doubts: list[int]) -> None:
    frames: list[_Frame] = []
    for number, doubt in enumerate(doubts):
        frames.append(_Frame(10.0 * number, f"gate-{number:04d}-{doubt:04d}", 1))
        if len(frames) > 20:
            frames.remove(_dispensable(frames))
    halves = [sum(frame.time < 1000 for frame in frames), sum(frame.time >= 1000 for frame in frames)]
    assert min(halves) >= 5


def test_of_frames_that_may_go_the_least_doubted_does() -> None:
    frames = [
        _Frame(float(at), f"gate-{at}-{doubt:04d}", 1) for at, doubt in [(0, 5), (10, 9), (20, 7), (30, 8), (90, 1)]
    ]
    assert _dispensable(frames) == frames[2]
    assert _dispensable(frames[:2]) == frames[0]
    assert _dispensable(frames[:1]) == frames[0]


def test_frames_are_gone_before_another_camera_lists_what_is_there(
    tmp_path: Path, open_camera: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[set[str]] = []

    @contextmanager
    def recorded(folder: Path) -> Iterator[None]:
        with locked(folder):
            yield
            listed.append({path.name for path in (folder / "images").iterdir()})

    monkeypatch.setattr("edgeseg.serve.rules.labelling.locked", recorded)
    camera = open_camera(tmp_path, every=1.0, most=3)
    for at in range(6):
        camera.put(at)
    camera.told()
    assert max(map(len, listed)) == 3
    document = json.loads((tmp_path / NAME).read_text())
    assert {image["file_name"] for image in document["images"]} == listed[-1]


def test_another_networks_classes(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    (tmp_path / "classes.json").write_text("{}")
    camera = open_camera(tmp_path, every=1.0)
    camera.put(0)
    camera.put(1)
    assert camera.told() == ["labelling_failed"]
    assert "classes.json has other classes than the network" in camera.events.newest(1)[0].text
    assert names(tmp_path) == []


def test_a_folder_that_vanishes_and_comes_back(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    folder = tmp_path / "disk"
    camera = open_camera(folder, every=1.0)
    camera.put(0)
    camera.put(1)
    deadline = time.monotonic() + WAIT
    while not camera.events.newest(1):
        assert time.monotonic() < deadline
    folder.mkdir()
    camera.put(2)
    assert camera.told() == ["labelling_failed", "labelling_resumed"]
    assert names(folder)


def test_a_disk_that_has_room_for_the_mask_alone(
    tmp_path: Path, open_camera: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.suffix == ".jpg":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    camera = open_camera(tmp_path, every=1.0)
    camera.put(0)
    assert camera.told() == ["labelling_failed"]
    assert not list((tmp_path / "masks").iterdir())


def test_labels_that_overlap_are_refused(tmp_path: Path, spec: Spec, tiny: Segmenter) -> None:
    overlapping = replace(spec, head=Head("multi-label", exclusive=False))
    with pytest.raises(UsageError, match="labels of tiny may overlap"):
        LabellingSet(LabellingSettings(tmp_path), "gate", overlapping, lambda: tiny, EventLog())
