"""NVIDIA GPUs' own counters, through the driver's library.

Since Volta a GPU counts its energy in millijoules; older ones only tell the power of the moment, in milliwatts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeseg_bench.energy.sampled import Sampled
from edgeseg_bench.nvml import LIBRARY, Gpu, open_gpus

INTERVAL = 0.1
"""Seconds after which GPUs have a new value, at the latest."""


@dataclass(frozen=True)
class Nvml:
    """GPUs that count their energy.

    Attributes:
        gpus: all of them are added.
        interval: seconds after which they have a new value.
    """

    gpus: tuple[Gpu, ...]
    interval: float = INTERVAL

    @property
    def names(self) -> tuple[str, ...]:
        """Of the GPUs."""
        return tuple(gpu.name for gpu in self.gpus)

    def millijoules(self) -> int:
        """The counters now.

        Raises:
            OSError: one cannot be read.
        """
        return sum(gpu.energy() for gpu in self.gpus)

    def start(self) -> Callable[[], float]:
        """Begins to count; what it returns gives the joules since."""
        before = self.millijoules()
        return lambda: (self.millijoules() - before) / 1e3


def open_nvml(library: str = LIBRARY) -> Nvml | Sampled | str:
    """The counters of all GPUs, or one sentence that says why there are none."""
    try:
        gpus = open_gpus(library)
    except OSError as error:
        return f"GPU: no NVML ({error})"
    if not gpus:
        return "GPU: NVML sees none"
    meter = Nvml(tuple(gpus))

    def watts() -> float:
        return sum(gpu.power() for gpu in gpus) / 1e3

    try:
        meter.millijoules()
    except OSError:
        try:
            watts()
        except OSError as error:
            return f"GPU: neither energy nor power can be read ({error})"
        return Sampled(meter.names, watts, INTERVAL)
    return meter
