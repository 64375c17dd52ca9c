"""Times of live frames: the source's own while they can be trusted, those of arrival otherwise."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.video.clock import Clock


def times(stamps: list[float | None], arrivals: list[float], *, timed: bool = True) -> tuple[list[float], list[str]]:
    warnings: list[str] = []
    clock = Clock("camera", warnings, timed=timed)
    return [clock.at(stamp, arrival) for stamp, arrival in zip(stamps, arrivals, strict=True)], warnings


def even(count: int, rate: float) -> list[float]:
    return [number / rate for number in range(count)]


@given(st.floats(1, 120), st.lists(st.floats(0, 0.3), min_size=2, max_size=400), st.floats(-1e6, 1e6))
def test_jitter_of_the_network_changes_nothing(rate: float, delays: list[float], start: float) -> None:
    """Frames come late and in bursts, never more than a third of a second: their own times stay."""
    own = even(len(delays), rate)
    arrivals = list(np.maximum.accumulate(np.array(own) + delays))
    given_times, warnings = times([start + at for at in own], arrivals)
    assert np.allclose(given_times, own, atol=1e-4)
    assert not warnings


def test_a_stall_and_the_burst_after_it_change_nothing() -> None:
    own = even(500, 25)
    arrivals = [max(at, 8.0) if at > 5 else at for at in own]
    given_times, warnings = times(list(own), arrivals)
    assert np.allclose(given_times, own)
    assert not warnings


def test_without_time_stamps_arrivals_count() -> None:
    arrivals = [3.0, 3.4, 3.5, 9.0]
    assert np.allclose(times([None] * 4, arrivals)[0], [0, 0.4, 0.5, 6])
    assert np.allclose(times(list(even(4, 25)), arrivals, timed=False)[0], [0, 0.4, 0.5, 6])
    assert not times(list(even(4, 25)), arrivals, timed=False)[1]


@given(st.sampled_from([3600.0, -3600.0, 1e9, -2.0]), st.integers(1, 200))
def test_a_jump_is_replaced_and_said_once(jump: float, place: int) -> None:
    own = even(250, 25)
    stamps: list[float | None] = [at + (jump if number >= place else 0) for number, at in enumerate(own)]
    given_times, warnings = times(stamps, own)
    assert np.allclose(given_times, own, atol=1e-3)
    assert len(warnings) == 1
    assert "jumped by" in warnings[0]


@settings(max_examples=20)
@given(st.floats(2, 15) | st.floats(40, 120))
def test_a_made_up_rate_is_found(rate: float) -> None:
    """FFmpeg's 25 frames a second of a camera that sends others: after two windows the recording keeps real time."""
    count = int(60 * rate)
    given_times, warnings = times(list(even(count, 25)), even(count, rate))
    assert len(warnings) == 1
    assert "times the pace at which frames arrive" in warnings[0]
    late = np.diff(given_times)[int(12 * rate) :]
    assert np.allclose(late, 1 / rate, rtol=1e-6)


def test_a_clock_that_is_a_little_off_is_trusted() -> None:
    """100 parts in a million make a second in three hours, and are no fault."""
    own = even(25 * 4 * 3600, 25)[::25]
    given_times, warnings = times(list(np.array(own) * 1.0001), own)
    assert np.allclose(given_times, np.array(own) * 1.0001)
    assert not warnings


@given(st.lists(st.tuples(st.none() | st.floats(-1e9, 1e9), st.floats(0, 1e3)), min_size=1))
def test_time_never_goes_back(frames: list[tuple[float | None, float]]) -> None:
    arrivals = list(np.cumsum([wait for _, wait in frames]))
    given_times, warnings = times([stamp for stamp, _ in frames], arrivals)
    assert all(later > earlier for earlier, later in itertools.pairwise(given_times))
    assert len(warnings) <= 11
