"""Energy of a sensor that only tells the power of the moment: it is read again and again, and summed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Sampled:
    """A sensor of power.

    Attributes:
        names: what it measures.
        watts: reads it.
        interval: seconds after which it has a new value.
    """

    names: tuple[str, ...]
    watts: Callable[[], float]
    interval: float

    def start(self) -> Callable[[], float]:
        """Begins to sample in a thread; what it returns ends that, and gives the joules since.

        Power between two samples is taken as their mean.

        Raises:
            OSError: the sensor cannot be read; so does what it returns, if that happened meanwhile.
        """
        samples = [(time.perf_counter(), self.watts())]
        failures: list[OSError] = []
        stopped = threading.Event()

        def sample() -> None:
            try:
                samples.append((time.perf_counter(), self.watts()))
            except OSError as error:
                failures.append(error)

        def watch() -> None:
            while not failures and not stopped.wait(self.interval):
                sample()

        thread = threading.Thread(target=watch, name="edgeseg-power", daemon=True)
        thread.start()

        def stop() -> float:
            stopped.set()
            thread.join()
            sample()
            if failures:
                raise failures[0]
            pairs = pairwise(samples)
            return sum((late - early) * (before + after) / 2 for (early, before), (late, after) in pairs)

        return stop
