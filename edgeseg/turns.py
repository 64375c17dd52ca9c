"""Times several ways to do a thing in turns, so that whatever else the machine does meets all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

ROUNDS = (3, 60)
"""Turns of each, at least and at most."""


def time_in_turns(calls: Sequence[Callable[[], object]], *, workers: int, seconds: float) -> list[float]:
    """The median of each, in seconds, until all workers have called it once; the first turn does not count.

    Args:
        calls: may be called by several threads at once.
        workers: threads that call the same at once.
        seconds: about how long it goes on; each has three turns at least.
    """
    times: list[list[float]] = [[] for _ in calls]
    with ThreadPoolExecutor(workers) as pool:

        def turn(call: Callable[[], object]) -> float:
            start = time.perf_counter()
            for running in [pool.submit(call) for _ in range(workers)]:
                running.result()
            return time.perf_counter() - start

        for call in calls:
            turn(call)
        until = time.perf_counter() + seconds
        for number in range(ROUNDS[1]):
            if number >= ROUNDS[0] and time.perf_counter() > until:
                break
            for call, samples in zip(calls, times, strict=True):
                samples.append(turn(call))
    return [statistics.median(samples) for samples in times]
