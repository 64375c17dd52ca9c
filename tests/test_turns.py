"""Timing in turns."""

from __future__ import annotations

import time
from functools import partial

from edgeseg.turns import ROUNDS, time_in_turns


def test_each_in_turn_and_at_least_so_often() -> None:
    calls: list[str] = []
    times = time_in_turns([partial(calls.append, name) for name in "ab"], workers=1, seconds=0.0)
    assert calls == ["a", "b", *("a", "b") * ROUNDS[0]]
    assert len(times) == 2


def test_a_turn_lasts_until_all_workers_are_done() -> None:
    short, long = time_in_turns([lambda: None, partial(time.sleep, 0.02)], workers=2, seconds=0.0)
    assert long >= 0.02
    assert short < long


def test_it_ends() -> None:
    calls: list[int] = []
    time_in_turns([partial(calls.append, 0)], workers=1, seconds=60.0)
    assert len(calls) == 1 + ROUNDS[1]
