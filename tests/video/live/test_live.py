"""Live sources: the newest frame, counted drops, and time-outs instead of hangs."""

from __future__ import annotations

import gc
import itertools
import threading
from fractions import Fraction

import numpy as np
import pytest

from edgeseg.errors import LostError, SourceError
from edgeseg.video import live
from edgeseg.video.live import LiveSource, Reading
from edgeseg.video.source import Ended, Skipped
from tests.video.live.conftest import Camera, open_camera

pytestmark = pytest.mark.usefixtures("no_thread_left")


def test_newest_frame_wins_and_drops_are_counted(camera: Camera) -> None:
    with open_camera(camera) as source:
        assert source.live
        assert (source.width, source.height) == (6, 4)
        camera.shoot(3)  # nobody asks yet: no drops
        first = next(source)
        camera.shoot(4)
        second = next(source)
        camera.shoot(1)
        third = next(source)
        camera.end()
        assert next(source, None) is None
        assert next(source, None) is None
    assert [first.index, second.index, third.index] == [3, 7, 8]
    assert [frame.image[0, 0, 0] for frame in (first, second, third)] == [3, 7, 8]
    assert source.dropped == 3
    assert source.skipped == Skipped(before_start=3, replaced=3)
    assert source.ended_early
    assert source.ended == Ended("lost", "camera gave no more frames")
    assert source.warnings == ["camera gave no more frames: the stream ended there; what came before is kept"]
    assert camera.released == 1


def test_no_first_frame_is_an_error(camera: Camera) -> None:
    with pytest.raises(SourceError, match=r"camera gave no frame for 0\.05 s"):
        LiveSource("camera", camera.read, camera.release, fps=None, timeout=0.05)
    camera.end()


def test_a_stall_ends_the_stream_with_a_warning(camera: Camera) -> None:
    source = open_camera(camera, timeout=0.05)
    assert len(list(source)) == 1
    assert next(source, None) is None
    assert source.warnings == ["camera gave no frame for 0.05 s: the stream ended there; what came before is kept"]
    assert source.ended_early


def test_error_of_the_device_reaches_the_reader(camera: Camera) -> None:
    def unplug() -> Reading | None:
        raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        LiveSource("camera", unplug, camera.release, fps=None, timeout=5)
    assert camera.released == 1


def test_a_device_that_cannot_be_released_either_hides_nothing() -> None:
    def fail(sentence: str) -> None:
        raise OSError(sentence)

    with pytest.raises(OSError, match="unplugged"):
        LiveSource("camera", lambda: fail("unplugged"), lambda: fail("gone"), fps=None, timeout=5)
    with pytest.raises(OSError, match="gone"):
        LiveSource("camera", lambda: None, lambda: fail("gone"), fps=None, timeout=5)


def test_close_wakes_a_waiting_reader(camera: Camera) -> None:
    source = open_camera(camera, timeout=60)
    next(source)
    closer = threading.Timer(0.05, source.close)
    closer.start()
    assert next(source, None) is None
    closer.join()
    assert not source.warnings
    assert source.ended == Ended("interrupted")


def test_frames_that_wait_at_the_end_are_counted(camera: Camera) -> None:
    source = open_camera(camera)
    next(source)
    camera.shoot(2)
    next(source)
    camera.shoot(1)
    source.close()
    assert source.skipped == Skipped(replaced=1, at_end=1)
    assert next(source, None) is None


@pytest.mark.parametrize("given", [[0.0] * 5, [3.0, 3.1, 0.0, 0.1, 0.2]], ids=["none", "restart"])
def test_time_goes_on_without_timestamps(given: list[float]) -> None:
    readings = iter([Reading(np.zeros((4, 6, 3), np.uint8), at, 100 + n / 2, 0.0) for n, at in enumerate(given)])
    asked = threading.Semaphore(0)

    def read() -> Reading | None:
        asked.acquire()
        return next(readings, None)

    times = []
    asked.release()
    source = LiveSource("camera", read, lambda: None, fps=None, timeout=5)
    for frame in source:
        times.append(frame.timestamp)
        asked.release()
    assert len(times) == 5
    assert all(0.09 < later - earlier <= 0.5 for earlier, later in itertools.pairwise(times))


def test_a_source_that_breaks_off_says_why(camera: Camera) -> None:
    readings = iter([Reading(np.zeros((4, 6, 3), np.uint8), 0.0, 12.5, 0.25, damaged=2)])

    def read() -> Reading | None:
        for reading in readings:
            return reading
        raise LostError("was unplugged")

    source = LiveSource("camera", read, camera.release, fps=None, timeout=5)
    first = next(source)
    assert (first.index, first.captured, first.seconds, first.timestamp) == (0, 12.5, 0.25, 0.0)
    assert source.skipped == Skipped(damaged=2)
    assert source.ended is None
    assert not source.ended_early
    assert next(source, None) is None
    assert source.ended == Ended("lost", "camera was unplugged")
    assert source.ended_early
    source.close()
    assert camera.released == 1


def test_an_error_after_the_first_frame_reaches_the_reader(camera: Camera) -> None:
    readings = iter([Reading(np.zeros((4, 6, 3), np.uint8), 0.0, 0.0, 0.0)])

    def read() -> Reading | None:
        for reading in readings:
            return reading
        raise OSError("unplugged")

    source = LiveSource("camera", read, camera.release, fps=None, timeout=5)
    next(source)
    with pytest.raises(OSError, match="unplugged"):
        next(source)


def test_closing_waits_for_a_read_and_not_for_ever(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that ends is waited for, so that its device is free; one that never returns is left."""
    source = open_camera(camera)
    source.close()
    assert source._thread.is_alive()
    monkeypatch.setattr(live, "JOIN_SECONDS", 60)
    closer = threading.Thread(target=source.close)
    closer.start()
    camera.end()
    closer.join(30)
    assert not closer.is_alive()
    assert not source._thread.is_alive()
    assert camera.released == 1


def test_the_reading_thread_may_close_its_source(camera: Camera) -> None:
    """A signal handler or a finalizer may run in it."""
    sources: list[LiveSource] = []

    def read() -> Reading | None:
        if sources:
            sources[0].close()
        return camera.read()

    camera._allowed.release()
    sources.append(LiveSource("camera", read, camera.release, fps=None, timeout=5))
    assert sources[0]._thread.daemon
    camera.end()
    sources[0]._thread.join(30)
    assert camera.released == 1


def test_a_source_that_nobody_holds_closes_itself(camera: Camera) -> None:
    thread = open_camera(camera)._thread
    gc.collect()
    camera._allowed.release()  # the read that was under way; its frame is for nobody, and no other follows
    thread.join(30)
    assert not thread.is_alive()
    assert camera.released == 1


def test_a_source_announces_its_rate(camera: Camera) -> None:
    camera._allowed.release()
    with LiveSource("camera", camera.read, camera.release, fps=Fraction(30), timeout=5) as source:
        assert (source.name, source.fps, source.ended) == ("camera", Fraction(30), None)
        camera.end()


@pytest.mark.parametrize("timed", [None, False])
def test_untimed_sources_have_the_times_of_arrival(timed: bool | None, camera: Camera) -> None:
    """Where nothing is said, a source has times."""
    readings = iter([Reading(np.zeros((4, 6, 3), np.uint8), at, 7 + at / 2, 0.0) for at in (3.0, 4.0)])
    asked = threading.Semaphore(1)

    def read() -> Reading | None:
        asked.acquire()
        return next(readings, None)

    said = {} if timed is None else {"timed": timed}
    source = LiveSource("camera", read, camera.release, fps=None, timeout=5, **said)
    first = next(source)
    asked.release()
    second = next(source)
    asked.release()
    assert (first.timestamp, second.timestamp) == (0.0, 1.0 if timed is None else 0.5)
    source.close()
