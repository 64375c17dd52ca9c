"""A camera whose pictures change at a known time: what is learnt, saved, told, and when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeseg.arrays import Mask
from edgeseg.segmenter import Segmenter
from edgeseg.serve.drift.watch import DriftWatch
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.settings import DriftSettings
from tests.serve.results import START, make_result

WAIT = 30.0
PERIODS = 30


class Camera:
    """A watch that is fed by hand, two frames a second, with periods of two seconds."""

    def __init__(self, folder: Path, model: Segmenter, smooth: float = 0.0, **settings: Any) -> None:
        self.events = EventLog()
        self.model = model
        self._at = 0
        given = {"learn_hours": PERIODS * 2 / 3600, "every": 2.0, **settings}
        self.watch = DriftWatch(DriftSettings(folder, **given), "gate", smooth, lambda: self.model, self.events)

    def put(self, periods: int, car: float = 0.3, churn: bool = False) -> None:
        """So many periods in which road has the rest; `churn`: every other frame is mirrored."""
        for _ in range(4 * periods):
            result = make_result(0, captured=self._at / 2)
            height, width, _ = result.frame.shape
            mask: Mask = np.zeros((height, width), np.uint8)
            mask[:, : round(car * width)] = 1
            if churn and self._at % 2:
                mask = np.ascontiguousarray(mask[:, ::-1])
            self.watch.put(replace(result, mask=mask), START + self._at / 2)
            self._at += 1
            self.wait()

    def wait(self) -> None:
        deadline = time.monotonic() + WAIT
        while self.watch._results:
            assert time.monotonic() < deadline
            time.sleep(0.0002)

    def told(self) -> list[tuple[str, bool | None]]:
        self.watch.close(WAIT)
        return [(event.name, event.active) for event in self.events.newest(100)]


@pytest.fixture
def open_camera(tiny: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Camera]]:
    cameras: list[Camera] = []
    monkeypatch.setattr("edgeseg.serve.drift.watch.uncertainty", lambda *_: 0.2)

    def open_camera(folder: Path = tmp_path, **settings: Any) -> Camera:
        cameras.append(Camera(folder, tiny, **settings))
        return cameras[-1]

    yield open_camera
    for camera in cameras:
        camera.watch.close(WAIT)
        assert not camera.watch._thread.is_alive()


def test_drift_begins_and_ends(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    camera.put(PERIODS + 5)
    camera.watch.gap()  # the change itself would be churn, in periods of four frames
    camera.put(10, car=0.9)
    camera.watch.gap()
    camera.put(40)
    assert camera.told() == [("learning", None), ("learnt", None), ("mix", True), ("mix", False)]
    begun = camera.events.newest(2)[0]
    assert begun.kind == "drift"
    assert "the mix of classes is" in begun.text
    assert "more than 5: " in begun.text
    assert "instead of 29.7 %" in begun.text or "instead of 70.3 %" in begun.text
    assert (camera.watch.status.state, camera.watch.drifting) == ("steady", False)


def test_masks_that_flicker_drift_in_churn_alone(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    camera.put(PERIODS + 1)
    camera.put(8, churn=True)
    status = camera.watch.status
    assert (status.state, camera.watch.drifting) == ("drifting", True)
    assert status.deviations["churn"] > 5
    assert status.deviations["mix"] < 5
    assert camera.told()[2:] == [("churn", True)]


def test_a_real_networks_confidence(tiny: Segmenter, tmp_path: Path) -> None:
    camera = Camera(tmp_path, tiny)
    camera.put(PERIODS + 2)
    camera.told()
    assert 0 < camera.watch.status.values["confidence"] < 1


def test_learning_goes_on_after_a_restart(open_camera: Callable[..., Camera]) -> None:
    first = open_camera()
    first.put(PERIODS // 2)
    assert first.told() == [("learning", None)]
    learnt = first.watch.status.learnt
    assert learnt == pytest.approx(0.5, abs=0.05)
    second = open_camera()
    second.put(2)
    assert second.watch.status.learnt > learnt
    second.put(PERIODS // 2 + 1)
    assert second.told() == [("found", None), ("learnt", None)]
    third = open_camera()
    third.put(10, car=0.9)
    assert third.told() == [("found", None), ("mix", True)]


def test_a_reference_of_another_network_is_refused_and_learnt_anew(
    open_camera: Callable[..., Camera], tmp_path: Path
) -> None:
    camera = open_camera()
    camera.put(2)
    camera.told()
    path = tmp_path / "gate-reference.json"
    path.write_text(path.read_text().replace(camera.watch._view.sha256, "0" * 64))
    again = open_camera()
    again.put(3)
    assert again.told() == [("learning", None)]
    assert "is of another network (its file has the hash 0000" in again.events.newest(1)[0].text
    assert camera.watch._view.sha256 in path.read_text()


def test_another_network_in_between(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    camera.put(PERIODS + 1)
    camera.watch.gap()
    camera.put(10, car=0.9)
    artifact = replace(camera.model.candidate.artifact, sha256="1" * 64)  # type: ignore[union-attr]
    candidate = camera.model.candidate._replace(artifact=artifact)  # type: ignore[union-attr]
    other = object.__new__(Segmenter)
    other.__dict__.update(camera.model.__dict__, candidate=candidate)
    camera.model = other
    camera.put(3)
    told = camera.told()
    assert told[2:] == [("mix", True), ("learning", None), ("mix", False)]
    assert "the network has changed" in camera.events.newest(2)[0].text


def test_a_deleted_reference_is_learnt_anew(open_camera: Callable[..., Camera], tmp_path: Path) -> None:
    camera = open_camera()
    camera.put(PERIODS + 1)
    (tmp_path / "gate-reference.json").unlink()
    camera.put(2)
    assert camera.watch.status.state == "learning"
    assert (tmp_path / "gate-reference.json").exists()
    assert camera.told() == [("learning", None), ("learnt", None), ("learning", None)]


def test_a_folder_that_is_gone_is_no_wish(open_camera: Callable[..., Camera], tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    camera = open_camera(folder)
    camera.put(PERIODS + 1)
    folder.rename(tmp_path / "away")
    camera.put(2)
    assert camera.watch.status.state == "steady"
    assert camera.told() == [("learning", None), ("learnt", None)]


def test_a_reference_that_cannot_be_saved_is_saved_later(open_camera: Callable[..., Camera], tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    camera = open_camera(folder)
    camera.put(PERIODS + 3)
    folder.mkdir()
    camera.put(2)
    assert camera.told() == [("learning", None), ("reference_unsaved", None), ("learnt", None)]
    again = open_camera(folder)
    again.put(2)
    assert again.told() == [("found", None)]


def test_gaps_do_not_count(open_camera: Callable[..., Camera]) -> None:
    camera = open_camera()
    for _ in range(20):
        camera.put(1)
        camera._at += 1000
        camera.watch.gap()
        camera.wait()
    camera.told()
    assert camera.watch.status.learnt < 20 / PERIODS
