"""Meters together: sums, idle, the ten samples, failures."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from edgeseg_bench.energy import meter
from edgeseg_bench.energy.ina3221 import open_ina3221
from edgeseg_bench.energy.meter import Meter, idle, metered, open_meters
from edgeseg_bench.energy.rapl import Rapl
from edgeseg_bench.energy.sampled import Sampled


@dataclass
class Clock:
    """Stands in for time.perf_counter and time.sleep."""

    now: float = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Steady:
    """A meter of so many watts."""

    watts: float
    interval: float = 0.1
    names: tuple[str, ...] = ("steady",)
    fails: bool = False

    def start(self) -> Callable[[], float]:
        began = time.perf_counter()

        def stop() -> float:
            if self.fails:
                raise OSError("gone")
            return self.watts * (time.perf_counter() - began)

        return stop


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    instance = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: instance.now)
    monkeypatch.setattr(time, "sleep", instance.sleep)
    return instance


def test_meters_are_added(clock: Clock) -> None:
    with metered([Steady(10), Steady(2.5, interval=0.01)]) as power:
        clock.sleep(3)
        assert power.watts is None
    assert power.watts == pytest.approx(12.5)


@pytest.mark.parametrize(("seconds", "told"), [(0.99, False), (1.01, True)])
def test_ten_samples_of_the_slowest_are_needed(seconds: float, told: bool, clock: Clock) -> None:
    with metered([Steady(10, interval=0.01), Steady(10)]) as power:
        clock.sleep(seconds)
    assert (power.watts is not None) == told


def test_a_meter_that_fails_gives_no_figure(clock: Clock) -> None:
    with metered([Steady(10), Steady(10, fails=True)]) as power:
        clock.sleep(5)
    assert power.watts is None


def test_no_meter_no_figure(clock: Clock) -> None:
    with metered([]) as power:
        clock.sleep(5)
    assert power.watts is None


@pytest.mark.usefixtures("clock")
def test_what_the_block_raises_is_raised() -> None:
    with pytest.raises(KeyError), metered([Steady(10)]):
        raise KeyError


def test_idle_lasts_as_long_as_the_slowest_meter_needs(clock: Clock) -> None:
    assert idle([Steady(7)]) == pytest.approx(7)
    assert clock.now == 102
    assert idle([Steady(7, interval=0.43)]) == pytest.approx(7)


def test_sampling_sums_power_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds, watts = itertools.count(1), itertools.count(1)
    monkeypatch.setattr(time, "perf_counter", lambda: 0.1 * next(seconds))
    stop = Sampled(("ramp",), lambda: float(next(watts)), 0.001).start()
    threading.Event().wait(0.02)
    joules = stop()
    samples = next(watts) - 1
    assert samples >= 2
    # The n-th sample is n watts at n / 10 s: the area under that line.
    assert joules == pytest.approx(0.1 * (samples**2 - 1) / 2)


def test_a_sensor_that_breaks_is_an_error_at_the_end() -> None:
    readings = iter([1.0])

    def watts() -> float:
        try:
            return next(readings)
        except StopIteration:
            raise OSError("gone") from None

    stop = Sampled(("rail",), watts, 0.001).start()
    with pytest.raises(OSError, match="gone"):
        stop()


def test_a_module_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Sampled(("VDD_IN",), lambda: 5.0, 0.1)
    processor: Meter = Rapl(("package-0",), (), ())
    monkeypatch.setattr(meter, "open_rapl", lambda: processor)
    monkeypatch.setattr(meter, "open_nvml", lambda: "GPU: none")
    monkeypatch.setattr(meter, "open_ina3221", lambda: whole)
    assert open_meters() == ([whole], [])
    monkeypatch.setattr(meter, "open_ina3221", lambda: "module: none")
    assert open_meters() == ([processor], ["GPU: none", "module: none"])


def test_this_machine_is_asked_without_harm() -> None:
    meters, absent = open_meters()
    assert len(meters) + len(absent) >= 1
    assert isinstance(open_ina3221(), (Sampled, str))
