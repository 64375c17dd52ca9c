"""Comparisons: sure when the difference is, unsure when noise could be it, refused when it would mean nothing."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeseg.errors import DataError, EdgeSegError, UsageError
from edgeseg_bench.compare import COMPARED, Change, change, compare, limit_of


def scaled(result: dict[str, Any], factor: float) -> dict[str, Any]:
    """The same measurement on a machine that takes `factor` times as long."""
    slower = copy.deepcopy(result)
    for part in slower["runs"][0]["measured"].values():
        for window in part["windows"]:
            window["seconds"] *= factor
            window["ms"] = [factor * ms for ms in window["ms"]]
    return slower


def test_a_result_against_itself_is_one(measured: dict[str, Any]) -> None:
    changes = compare(measured, measured)
    assert [one.name for one in changes] == [name for _, name, _ in COMPARED]
    for one in changes:
        assert one.ratio == 1
        assert one.low <= 1 <= one.high
        assert one.verdict(1.0) != "slower"


def test_a_large_slowdown_is_found_whatever_the_noise(measured: dict[str, Any]) -> None:
    for one in compare(measured, scaled(measured, 1000.0)):
        assert one.ratio == pytest.approx(1000)
        assert one.verdict(1.05) == "slower"
    for one in compare(scaled(measured, 1000.0), measured):
        assert one.verdict(1.05) == "ok"


@settings(max_examples=8)
@given(st.floats(0.5, 2.0), st.floats(0.001, 0.02), st.integers(0, 99))
def test_the_interval_holds_the_true_ratio_of_quiet_windows(ratio: float, noise: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    old = [10 * (1 + noise * random.standard_normal(50)) for _ in range(8)]
    new = [10 * ratio * (1 + noise * random.standard_normal(50)) for _ in range(8)]
    result = change("run", "figure", old, new, lambda ms: float(np.median(ms)))
    assert result.low <= result.ratio <= result.high
    assert result.low <= ratio * (1 + noise)
    assert result.high >= ratio * (1 - noise)
    assert result.high / result.low < 1 + noise * 2


def test_windows_that_differ_make_the_interval_wide() -> None:
    """Every frame of a window is equal: only a bootstrap over windows sees how much they vary."""
    uneven = [np.full(100, 10.0 + 3 * (number % 2)) for number in range(6)]
    result = change("run", "figure", uneven, uneven, lambda ms: float(np.mean(ms)))
    assert result.high - result.low > 0.1
    assert result.verdict(1.05) == "unclear"


@given(st.floats(0.1, 3), st.floats(0.1, 3), st.floats(1, 2))
def test_verdicts(one: float, other: float, limit: float) -> None:
    low, high = sorted((one, other))
    verdict = Change("", "", 1, 1, low, low, high).verdict(limit)
    assert (verdict == "slower") == (low > limit)
    assert (verdict == "ok") == (high <= limit)


REFUSED = {
    "machine processor": ("machine", "processor", "Another Processor"),
    "machine cores": ("machine", "cores", 64),
    "source sha256": ("source", "sha256", "0" * 64),
    "settings mode": ("settings", "mode", "latency"),
    "settings camera_fps": ("settings", "camera_fps", 30.0),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_compared_is_refused(what: str, measured: dict[str, Any]) -> None:
    part, field, value = REFUSED[what]
    other = copy.deepcopy(measured)
    other[part][field] = value
    with pytest.raises(DataError, match=f"^{what} is .* not compared"):
        compare(measured, other)


def test_nothing_in_common_is_refused(measured: dict[str, Any]) -> None:
    other = copy.deepcopy(measured)
    other["runs"][0]["engine"] = "tensorrt"
    with pytest.raises(DataError, match="no engine in common: the old one has onnxruntime fp32, the new one tensorrt"):
        compare(measured, other)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLACES = (
    ("machine",),
    ("settings",),
    ("runs",),
    ("runs", 0),
    ("runs", 0, "engine"),
    ("runs", 0, "artifact"),
    ("runs", 0, "measured"),
    ("runs", 0, "measured", "engine"),
    ("runs", 0, "measured", "pipeline", "windows"),
    ("runs", 0, "measured", "pipeline", "windows", 0),
    ("runs", 0, "measured", "pipeline", "windows", 0, "seconds"),
    ("runs", 0, "measured", "engine", "windows", 0, "ms"),
)


@settings(max_examples=40)
@given(st.sampled_from(PLACES), json_values)
def test_a_damaged_result_is_one_sentence(measured: dict[str, Any], place: tuple[Any, ...], value: Any) -> None:
    damaged = copy.deepcopy(measured)
    inner: Any = damaged
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with contextlib.suppress(EdgeSegError):  # anything else fails the test
        assert all(one.ratio == 1 for one in compare(damaged, damaged))


def test_slowdown_in_percent() -> None:
    assert limit_of(5) == pytest.approx(1.05)
    for bad in (-1, float("nan")):
        with pytest.raises(UsageError, match="max-slowdown"):
            limit_of(bad)
