from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.video.timeline import JUMP, Timeline

PERIOD = 0.04


def placed(stamps: list[float], arrivals: list[float] | None = None) -> tuple[list[float], int]:
    timeline = Timeline(PERIOD, live=arrivals is not None)
    arrivals = arrivals or [0.0] * len(stamps)
    return [timeline.place(stamp, arrival) for stamp, arrival in zip(stamps, arrivals, strict=True)], timeline.jumps


@given(st.lists(st.floats(0, 1e4), min_size=1).map(sorted))
def test_a_file_keeps_its_own_times_however_far_apart(stamps: list[float]) -> None:
    assert placed(stamps) == ([stamp - stamps[0] for stamp in stamps], 0)


def test_a_file_whose_clock_starts_anew_goes_on_after_one_frame() -> None:
    stamps = [10 + PERIOD * number for number in range(50)]
    times, jumps = placed(stamps + stamps)
    assert times == pytest.approx([PERIOD * number for number in range(100)])
    assert jumps == 1


@pytest.mark.parametrize("shift", [3600.0, -3600.0, 95443.7, JUMP + 1])
def test_a_live_source_that_jumps_goes_on_by_the_clock_here(shift: float) -> None:
    arrivals = [50 + PERIOD * number for number in range(100)]
    stamps = [7 + PERIOD * number + (shift if number >= 40 else 0) for number in range(100)]
    times, jumps = placed(stamps, arrivals)
    assert times == pytest.approx([PERIOD * number for number in range(100)])
    assert jumps == 1


def test_a_live_source_that_comes_in_bursts_keeps_its_times() -> None:
    """As HLS: six seconds at once, then nothing for six."""
    stamps = [PERIOD * number for number in range(600)]
    arrivals = [6.0 * (number // 150) + 0.001 * (number % 150) for number in range(600)]
    assert placed(stamps, arrivals) == (stamps, 0)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 10)), min_size=2, max_size=30))
def test_a_live_recording_is_never_much_longer_than_it_took(steps: list[tuple[float, float]]) -> None:
    arrival, arrivals = 0.0, []
    for _, passed in steps:
        arrival += passed
        arrivals.append(arrival)
    times, _ = placed([stamp for stamp, _ in steps], arrivals)
    for (before, came), (time, went) in pairwise(zip(times, arrivals, strict=True)):
        assert time - before <= went - came + JUMP + 1e-6
