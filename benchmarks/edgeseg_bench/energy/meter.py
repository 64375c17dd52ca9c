"""What a machine's energy counters have in common, and all of them together.

A figure is the energy between two moments over the seconds between them. It is stated only where the counters had ten
new values or more in that time: the first and the last may be one interval old, which is then a tenth at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from edgeseg_bench.energy.ina3221 import open_ina3221
from edgeseg_bench.energy.nvml import open_nvml
from edgeseg_bench.energy.rapl import open_rapl

SAMPLES = 10
IDLE_SECONDS = 2.0


class Meter(Protocol):
    """A counter of energy."""

    @property
    def names(self) -> tuple[str, ...]:
        """What it counts, "package-0"."""

    @property
    def interval(self) -> float:
        """Seconds after which it has a new value."""

    def start(self) -> Callable[[], float]:
        """Begins to count; what it returns ends that, and gives the joules since.

        Raises:
            OSError: it cannot be read; so does what it returns.
        """


@dataclass
class Power:
    """Mean power over a block, known at its end.

    Attributes:
        watts: None if there are no meters, they failed, or the block was too short for ten samples.
    """

    watts: float | None = None


@contextmanager
def metered(meters: Sequence[Meter]) -> Iterator[Power]:
    """Measures the power of a block, all meters added."""
    power = Power()
    running: list[Callable[[], float]] = []
    failed = False
    try:
        running.extend(meter.start() for meter in meters)
    except OSError:
        failed = True
    start = time.perf_counter()
    try:
        yield power
    finally:
        seconds = time.perf_counter() - start
        joules = 0.0
        for stop in running:
            try:
                joules += stop()
            except OSError:
                failed = True
        long_enough = seconds >= SAMPLES * max((meter.interval for meter in meters), default=float("inf"))
        if long_enough and not failed:
            power.watts = joules / seconds


def idle(meters: Sequence[Meter]) -> float | None:
    """Mean power, in watts, while this process waits: two seconds, or as long as the meters need."""
    with metered(meters) as power:
        time.sleep(max([IDLE_SECONDS, *(1.1 * SAMPLES * meter.interval for meter in meters)]))
    return power.watts


def open_meters() -> tuple[list[Meter], list[str]]:
    """The counters of this machine, and one sentence for each kind that it lacks.

    A Jetson's sensors see the whole module; elsewhere processor and GPUs are counted apart.
    """
    meters: list[Meter] = []
    absent = []
    module = open_ina3221()
    if not isinstance(module, str):
        return [module], []
    for meter in (open_rapl(), open_nvml()):
        if isinstance(meter, str):
            absent.append(meter)
        else:
            meters.append(meter)
    return meters, [*absent, module]
