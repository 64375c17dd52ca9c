"""Streams of live sources: results first, errors after them, and nobody left waiting."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from dataclasses import asdict

import pytest

from edgeseg.errors import LostError
from edgeseg.video.pipeline import stream
from edgeseg.video.source import Ended
from tests.video.live.conftest import Camera, open_camera

pytestmark = pytest.mark.usefixtures("no_thread_left")


def test_stream_of_a_camera_keeps_the_newest(camera: Camera, make_shade_model: Callable[..., object]) -> None:
    """The model is slow: while it has one frame, three more come, and two of them are dropped."""
    source = open_camera(camera)
    model = make_shade_model(lambda level: camera.shoot(3) if level < 9 else camera.end())
    running = stream(model, source, mode="latency", tolerate_loss=True)  # type: ignore[arg-type]
    indices = [result.index for result in running]
    assert indices == [0, 3, 6, 9]
    assert running.stats.dropped == source.dropped == 6
    assert running.stats.frames == 4


def test_leaving_a_stream_that_waits_for_a_camera(camera: Camera, make_shade_model: Callable[..., object]) -> None:
    source = open_camera(camera, timeout=60)
    for result in stream(make_shade_model(), source, workers=3):  # type: ignore[arg-type]
        assert result.index == 0
        break
    camera.end()


def test_a_lost_camera_is_an_error_after_all_results(camera: Camera, make_shade_model: Callable[..., object]) -> None:
    source = open_camera(camera)
    model = make_shade_model(lambda level: camera.shoot() if level < 3 else camera.end())
    indices = []
    with pytest.raises(LostError, match="camera gave no more frames"):  # noqa: PT012 - the loop is what is tested
        for result in stream(model, source, workers=1):  # type: ignore[arg-type]
            indices.append(result.index)
    assert indices == [0, 1, 2, 3]
    assert camera.released == 1


def test_stopping_wakes_a_worker_that_waits_for_a_camera(
    camera: Camera, make_shade_model: Callable[..., object]
) -> None:
    source = open_camera(camera, timeout=60)
    running = stream(make_shade_model(), source, workers=2)  # type: ignore[arg-type]
    results = iter(running)
    next(results)
    threading.Timer(0.05, running.stop).start()
    assert next(results, None) is None
    assert running.ended == Ended("stopped")
    camera.end()


def test_a_stream_that_nobody_iterates_over_frees_its_camera(
    camera: Camera, make_shade_model: Callable[..., object]
) -> None:
    source = open_camera(camera, timeout=60)
    running = stream(make_shade_model(), source)  # type: ignore[arg-type]
    del running
    gc.collect()
    camera.end()
    source._thread.join(5)
    assert camera.released == 1


def test_every_frame_of_a_camera_is_accounted_for(camera: Camera, make_shade_model: Callable[..., object]) -> None:
    source = open_camera(camera)
    camera.shoot(2)  # while nobody asks
    model = make_shade_model(lambda level: camera.shoot(3) if level < 9 else camera.shoot())
    running = stream(model, source, mode="latency", max_frames=4)  # type: ignore[arg-type]
    frames = len(list(running))
    camera.end()
    skipped = asdict(source.skipped)
    assert frames == 4
    assert skipped == {"before_start": 2, "replaced": 6, "at_end": 1, "damaged": 0}
    assert frames + sum(skipped.values()) == camera.given
