"""Frames of several cameras in one call: who gets what does not change, and nobody suffers by another."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg import batch_size
from edgeseg.batch_size import BatchSize
from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError
from edgeseg.segmenter import Segmenter, load
from edgeseg.serve import network as network_module
from edgeseg.serve.camera import Work
from edgeseg.serve.network import load_network
from edgeseg.serve.scheduler import Scheduler
from edgeseg.serve.service import Service
from edgeseg.serve.settings import Batching, BundleSettings, CameraSettings, ServiceSettings
from edgeseg.serve.smoother import Smoother
from edgeseg.spec import Spec
from edgeseg.video.model import Result
from edgeseg.video.options import Mode
from edgeseg.video.source import Frame
from tests.serve.conftest import FakeSupervisor
from tests.serve.test_scheduler import SECONDS, Queue, end, serve
from tests.video.conftest import SeveralShades
from tests.video.namespace import wait_until

pytestmark = pytest.mark.usefixtures("no_thread_left")


def run(scheduler: Scheduler, *queues: Queue) -> None:
    """Serves all frames."""
    count = sum(queue.frames for queue in queues)
    serve(scheduler, *queues)
    wait_until(lambda: sum(len(queue.outcomes) for queue in queues) == count, SECONDS)
    end(scheduler)


def queues_of(*counts: int) -> list[Queue]:
    return [Queue(str(number), count, []) for number, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("batch", "groups"),
    [(4, [[1, 1, 1], [2, 2], [3]]), (2, [[1, 1], [1, 2], [2, 3]]), (1, [[1], [1], [1], [2], [2], [3]])],
)
def test_what_waits_goes_together(spec: Spec, batch: int, groups: list[list[int]]) -> None:
    model, queues = SeveralShades(spec, 4), queues_of(2, 1, 3)
    run(Scheduler(model, 1, lambda _: None, batch), *queues)
    assert model.groups == groups
    for queue in queues:
        for number, result in enumerate(queue.outcomes, start=1):
            assert isinstance(result, Result)
            assert result.mask is not None
            assert (result.index, np.unique(result.mask).tolist()) == (number, [number])


def test_a_worker_that_is_free_is_given_its_own(spec: Spec) -> None:
    """Two frames for two workers, which work at the same time."""
    together = threading.Barrier(2, timeout=SECONDS)

    def work(_: int) -> None:
        together.wait()

    model, queues = SeveralShades(spec, 4, work), queues_of(1, 1)
    scheduler = Scheduler(model, 2, lambda _: None, 4)
    scheduler.arrived()
    run(scheduler, *queues)
    assert model.groups == [[1], [1]]
    assert all(isinstance(outcome, Result) for queue in queues for outcome in queue.outcomes)


class Failing(SeveralShades):
    """Fails with level 2, or with several frames at once, in the network or afterwards."""

    def __init__(self, spec: Spec, where: str) -> None:
        super().__init__(spec, 4)
        self.where = where

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.uint8]:  # type: ignore[override]
        logits = super().infer(tensor)
        if (self.where == "infer" and 2 in logits) or (self.where == "together" and len(logits) > 1):
            raise ValueError("no masks")
        return logits

    def mask(  # type: ignore[override]
        self, logits: NDArray[np.uint8], width: int, height: int
    ) -> NDArray[np.uint8]:
        if self.where == "mask" and 2 in logits:
            raise ValueError("no mask")
        return super().mask(logits, width, height)


@pytest.mark.parametrize(("where", "calls"), [("infer", 4), ("mask", 1)])
def test_a_frame_that_fails_fails_alone(spec: Spec, where: str, calls: int) -> None:
    """Only a call that gave nothing is made again."""
    model, queues, told = Failing(spec, where), queues_of(1, 1, 2), list[str]()
    queues[2].take()  # its next frame is number 2
    scheduler = Scheduler(model, 1, lambda _: None, 4, told.append)
    run(scheduler, *queues)
    assert len(model.groups) == calls
    assert model.groups[0] == [1, 2, 1]
    *others, failed = (queue.outcomes[0] for queue in queues)
    assert isinstance(failed, ValueError)
    for result in others:
        assert isinstance(result, Result)
        assert result.mask is not None
        assert (result.mask == 1).all()
    assert (told, scheduler.batch) == ([], 4)


def test_what_fails_together_and_not_alone_is_given_alone(spec: Spec) -> None:
    model, queues, told = Failing(spec, "together"), queues_of(3, 3), list[str]()
    scheduler = Scheduler(model, 1, lambda _: None, 4, told.append)
    run(scheduler, *queues)
    assert all(isinstance(outcome, Result) for queue in queues for outcome in queue.outcomes)
    assert [len(group) for group in model.groups] == [2, 1, 1, 1, 1, 1, 1]
    (sentence,) = told
    assert "2 frames in one call failed (no masks), and each alone did not" in sentence
    assert scheduler.batch == 1


@pytest.fixture
def several(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    """A bundle that takes three at once."""
    return make_bundle(tmp_path / "several", replace(spec, batch=3))


@pytest.fixture
def model(several: Bundle) -> Iterator[Segmenter]:
    opened = load(several, threads=1)
    yield opened
    opened.close()


def test_each_camera_gets_the_masks_that_it_gets_alone(model: Segmenter) -> None:
    """Bit for bit, smoothed and of other sizes too; a smoother sees its own camera's frames, in order."""
    noise = np.random.default_rng(0)
    sizes, weights = [(20, 33), (18, 30), (9, 50)], [0.5, 0.0, 0.8]
    frames = [[noise.integers(0, 256, (*size, 3), np.uint8) for _ in range(6)] for size in sizes]

    class Camera(Queue):
        smoother: Smoother | None = None

        def take(self) -> Work | None:
            work = super().take()
            if work is None:
                return None
            image = frames[int(self.name)][work.order]
            return replace(work, frame=replace(work.frame, image=image), smoother=self.smoother)

    cameras = [Camera(str(number), 6, []) for number in range(3)]
    for camera, weight in zip(cameras, weights, strict=True):
        camera.smoother = Smoother(weight) if weight else None
    run(Scheduler(model, 1, lambda _: None, 3), *cameras)
    for camera, weight, own in zip(cameras, weights, frames, strict=True):
        smoother = Smoother(weight)
        for number, (outcome, image) in enumerate(zip(camera.outcomes, own, strict=True)):
            logits = model.logits(image)
            if weight:
                logits = smoother(None, Frame(number, image, 0.0, 0.0, 0.0), logits)
            assert isinstance(outcome, Result)
            assert outcome.mask is not None
            assert np.array_equal(outcome.mask, model.mask(logits, image.shape[1], image.shape[0]))


@pytest.mark.parametrize(
    ("batch", "mode", "faster", "expected"),
    [
        ("on", "throughput", False, 3),
        ("off", "throughput", True, 1),
        ("auto", "throughput", True, 3),
        ("auto", "throughput", False, 1),
        ("auto", "latency", True, 1),
    ],
)
def test_the_setting(
    several: Bundle, batch: Batching, mode: Mode, faster: bool, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def choose(model: Segmenter, *, workers: int, say: Callable[[str], None]) -> BatchSize:
        del say
        asked.append((model.batch, workers))
        return BatchSize({1: 1.0, 3: 0.5 if faster else 1.0})

    monkeypatch.setattr(network_module, "choose_batch", choose)
    settings = BundleSettings(str(several.folder), "onnxruntime", batch=batch, mode=mode, workers=2)
    network = load_network(settings, several)
    assert network.batch == expected
    assert asked == ([(3, 2)] if (batch, mode) == ("auto", "throughput") else [])
    network.model.close()


def test_it_is_measured_here_and_said(
    several: Bundle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(batch_size, "SECONDS", 0.01)
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    with caplog.at_level(logging.INFO, "edgeseg"):
        network = load_network(BundleSettings(str(several.folder), "onnxruntime"), several)
    assert network.batch in (1, 2, 3)
    network.model.close()
    assert [message for message in caplog.messages if "in a call; ms a frame here: " in message]


def test_an_engine_that_takes_one(several: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    one = load(several, threads=1)
    one.batch = 1
    monkeypatch.setattr(network_module, "load", lambda *_, **__: one)
    with pytest.raises(EngineError, match='batch is "on", and engine onnxruntime fp32 takes one frame at a time'):
        load_network(BundleSettings(str(several.folder), "onnxruntime", batch="on"), several)


def test_a_service_gives_frames_together(several: Bundle, supervisors: list[FakeSupervisor]) -> None:
    settings = BundleSettings(str(several.folder), "onnxruntime", batch="on", workers=1)
    cameras = tuple(CameraSettings(name, f"rtsp://{name}/x") for name in "abc")
    service = Service(ServiceSettings(settings, cameras), load_network(settings, several), lambda: None)
    service.start()
    (started,) = [event.text for event in service.events.newest(9) if event.name == "started"]
    assert "in onnxruntime fp32, up to 3 frames in one call; cameras: a, b, c" in started
    assert service.status().batch == 3
    for level, supervisor in enumerate(supervisors):
        supervisor.put(level)
    wait_until(lambda: all(camera.newest for camera in service.cameras.values()), SECONDS)
    assert [camera.newest.index for camera in service.cameras.values() if camera.newest] == [0, 1, 2]
    assert service.close(SECONDS)
