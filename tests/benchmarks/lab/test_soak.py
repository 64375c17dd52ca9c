"""What a soak reports is right on figures that are known; and a short one comes through."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.soak.__main__ import main
from lab.soak.faults import Fault
from lab.soak.report import absences, growth, latency, slope, summed
from lab.soak.watch import Sample, children, fields, pss


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=2, unique_by=lambda point: point[0]))
def test_the_slope_is_that_of_numpy(points: list[tuple[int, int]]) -> None:
    x, y = np.array(points, float).T
    assert slope([(float(a), float(b)) for a, b in points]) == pytest.approx(np.polyfit(x, y, 1)[0], abs=1e-6)


def test_growth_after_warm_up() -> None:
    """1 MB an hour on 100 MB; what came before a quarter of the time does not count."""
    samples = [
        Sample(
            seconds=60.0 * minute,
            memory=5 if minute < 30 else 100_000_000 + round(1e6 * (minute - 75) / 60),
            shared=200_000_000,
            descriptors=10 + (minute == 60),
            threads=9,
            processes=4,
        )
        for minute in range(121)
    ]
    figures = growth(samples)
    assert figures["memory_mb"] == 100.0
    assert figures["memory_percent_an_hour"] == 1.0
    assert figures["descriptors"] == [10, 10, 11]
    assert figures["all_processes_mb"] == 200.0


def status(at: float, *cameras: tuple[int, float]) -> dict[str, Any]:
    stages = [{"capture_to_mask": {"count": count, "mean": mean}} for count, mean in cameras]
    return {"at": at, "cameras": [{"stages": each} for each in stages]}


def test_latency_is_of_the_masks_in_between() -> None:
    statuses = [
        status(0, (0, 0.0)),
        status(25, (100, 99.0)),
        status(50, (200, 54.5), (100, 10.0)),  # 100 more of 10 ms, and 100 of the other of 10
        status(75, (200, 54.5), (100, 10.0)),
        status(100, (300, 54.5), (100, 10.0)),  # 100 more of 54.5
    ]
    assert latency(statuses) == {"first_ms": 10.0, "last_ms": 54.5}


def event(seconds: float, name: str) -> dict[str, Any]:
    return {"kind": "state", "name": name, "time": datetime.fromtimestamp(seconds, timezone.utc).isoformat()}


def test_absences() -> None:
    faults = [Fault("killed", 100, 110), Fault("unnoticed", 200, 201), Fault("stopped", 300, 310)]
    events = [
        event(90, "live"),
        event(100.5, "reconnecting"),
        event(112, "live"),
        event(303, "stalled"),
        event(309, "live"),
    ]
    assert absences(faults, events) == [("killed", 2.0, None), ("stopped", 0.0, 3.0)]


def test_sums_over_cameras() -> None:
    cameras = [
        {"skipped": {"replaced": 2, "damaged": 0}, "connection": {"reconnects": {"closed": 1}}},
        {"skipped": {"replaced": 3, "damaged": 1}, "connection": {"reconnects": {"closed": 2, "stalled": 1}}},
    ]
    assert summed({"cameras": cameras}) == {
        "skipped": {"replaced": 5, "damaged": 1},
        "reconnects": {"closed": 3, "stalled": 1},
    }


def test_what_proc_says() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert process.pid in children(os.getpid())
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
    assert process.pid not in children(os.getpid())
    assert pss(os.getpid()) > 1_000_000
    assert pss(2**22 + 1) == 0
    assert int(fields(Path("/proc/self/status"))["Threads"]) >= 1


@pytest.mark.skipif(not os.environ.get("EDGESEG_FAULTS"), reason="a minute on an idle machine: make faults")
def test_a_short_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(minutes=1.0, cameras=2, seed=1) == 0, capsys.readouterr().out
