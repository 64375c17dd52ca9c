"""The camera that a file plays, and the search for the highest rate."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.bundle import Bundle
from edgeseg.segmenter import load
from edgeseg_bench.capture import CLOSE, STAGES, CameraWindow, VideoCamera, highest_rate, holds, measure, trial_frames
from edgeseg_bench.windows import Window


def test_the_camera_keeps_its_schedule_and_starts_again(video: Path) -> None:
    camera = VideoCamera(video, fps=400, frames=30)  # the video has 12
    readings = []
    while (reading := camera.read()) is not None:
        readings.append(reading)
    camera.release()
    assert len(readings) == 30
    first = readings[0]
    for number, reading in enumerate(readings):
        assert reading.timestamp == pytest.approx(number / 400)
        assert reading.captured - first.captured == pytest.approx(number / 400, abs=1e-6)  # due, not when it was read
        assert reading.seconds > 0
    assert (readings[12].image == first.image).all()
    assert (readings[1].image != first.image).any()


def test_every_frame_is_a_mask_or_a_drop(video: Path, tiny: Bundle) -> None:
    model = load(tiny, threads=1)
    played = measure(model, video, fps=100, frames=24, mode="throughput")
    assert 1 <= len(played.window.ms) <= 24
    assert len(played.window.ms) + played.window.dropped <= 24
    assert set(played.stage_ms) == set(STAGES)
    assert sum(played.stage_ms.values()) == pytest.approx(sum(played.window.ms) / len(played.window.ms))


def machine_of(limit: float, *, drops: bool) -> CameraWindow:
    """What a machine gives that is as fast as `limit` says, when asked for more."""
    return CameraWindow(Window((2000.0 if not drops else 0.1,), 1.0, 1.0, dropped=int(drops)), {"infer": limit})


@given(st.floats(1.0, 900.0), st.floats(1.0, 240.0), st.booleans())
def test_the_search_finds_the_limit(limit: float, start: float, drops: bool) -> None:
    fast = CameraWindow(Window((0.1,), 1.0, 1.0), {})
    best, trials = highest_rate(lambda fps: fast if fps <= limit else machine_of(limit, drops=drops), start)
    assert best is not None
    assert limit / CLOSE <= best * 1.000001
    assert best <= limit
    assert best == max(trial["fps"] for trial in trials if trial["holds"])
    assert len(trials) < 60


def test_a_machine_that_never_keeps_up_has_no_rate() -> None:
    best, trials = highest_rate(lambda fps: machine_of(fps, drops=True), 30.0)
    assert best is None
    assert not any(trial["holds"] for trial in trials)


@pytest.mark.parametrize(("ms", "dropped", "kept"), [(66.0, 0, True), (67.0, 0, False), (1.0, 1, False)])
def test_two_intervals_and_no_drop(ms: float, dropped: int, kept: bool) -> None:
    assert holds(CameraWindow(Window((ms,) * 100, 1.0, 1.0, dropped), {}), 30.0) is kept


def test_trials_are_short() -> None:
    assert [trial_frames(fps, 200) for fps in (0.5, 10, 1000)] == [30, 80, 200]
