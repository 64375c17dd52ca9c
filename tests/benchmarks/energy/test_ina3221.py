"""A Jetson's sensors, in trees as Linux's hwmon lays them out (docs.kernel.org/hwmon/ina3221.html)."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg_bench.energy.ina3221 import INTERVAL, open_ina3221
from edgeseg_bench.energy.sampled import Sampled

Rails = dict[str, tuple[int, int]]
"""Label: millivolts and milliamperes, in the order of the channels."""

ORIN_NANO: Rails = {"VDD_IN": (5_040, 1_000), "VDD_CPU_GPU_CV": (5_040, 300), "VDD_SOC": (5_040, 250)}
AGX_ORIN: tuple[Rails, Rails] = (
    {"VDD_GPU_SOC": (12_000, 300), "VDD_CPU_CV": (12_000, 100), "VIN_SYS_5V0": (5_000, 800)},
    {"NC": (5_000, 0), "VDDQ_VDD2_1V8AO": (5_000, 200)},
)


def chip(root: Path, number: int, rails: Rails, interval: str | None = None) -> Path:
    """Writes hwmonN of a chip whose rails are given."""
    folder = root / f"hwmon{number}"
    folder.mkdir()
    (folder / "name").write_text("ina3221\n")
    for channel, (label, (volts, amperes)) in enumerate(rails.items(), start=1):
        (folder / f"in{channel}_label").write_text(f"{label}\n")
        (folder / f"in{channel}_enable").write_text("1\n")
        (folder / f"in{channel}_input").write_text(f"{volts}\n")
        (folder / f"curr{channel}_input").write_text(f"{amperes}\n")
    (folder / "in7_label").write_text("sum of shunt voltages\n")
    (folder / "in7_input").write_text("20000\n")
    if interval is not None:
        (folder / "update_interval").write_text(interval)
    return folder


def opened(root: Path) -> Sampled:
    sensor = open_ina3221(root)
    assert isinstance(sensor, Sampled), sensor
    return sensor


def test_the_rail_of_the_whole_module_is_taken_alone(tmp_path: Path) -> None:
    chip(tmp_path, 1, ORIN_NANO)
    (tmp_path / "hwmon0").mkdir()
    (tmp_path / "hwmon0/name").write_text("thermal_fan\n")
    sensor = opened(tmp_path)
    assert sensor.names == ("VDD_IN",)
    assert sensor.watts() == pytest.approx(5.04)
    assert sensor.interval == INTERVAL


def test_without_it_all_rails_are_added(tmp_path: Path) -> None:
    for number, rails in enumerate(AGX_ORIN, start=1):
        chip(tmp_path, number, rails)
    sensor = opened(tmp_path)
    assert sensor.names == ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO")
    assert sensor.watts() == pytest.approx(3.6 + 1.2 + 4.0 + 1.0)


def test_a_channel_that_is_off_is_left_out(tmp_path: Path) -> None:
    folder = chip(tmp_path, 1, AGX_ORIN[0])
    (folder / "in2_enable").write_text("0\n")
    assert opened(tmp_path).watts() == pytest.approx(3.6 + 4.0)


def test_a_slow_chip_is_asked_less_often(tmp_path: Path) -> None:
    chip(tmp_path, 1, ORIN_NANO, interval="430\n")
    assert opened(tmp_path).interval == 0.43


def test_without_a_sensor_it_says_so(tmp_path: Path) -> None:
    assert str(open_ina3221(tmp_path / "hwmon")).startswith("module: no INA3221 sensor")
    chip(tmp_path, 1, {"NC": (5_000, 0)})
    assert str(open_ina3221(tmp_path)).startswith("module: no INA3221 sensor")


@pytest.mark.parametrize("broken", ["in1_input", "curr1_input", "update_interval"])
def test_a_broken_sensor_is_no_sensor(broken: str, tmp_path: Path) -> None:
    (chip(tmp_path, 1, ORIN_NANO) / broken).write_text("N/A\n")
    assert "cannot be read" in str(open_ina3221(tmp_path))


def test_a_sensor_that_breaks_meanwhile_says_so(tmp_path: Path) -> None:
    folder = chip(tmp_path, 1, ORIN_NANO)
    sensor = opened(tmp_path)
    (folder / "curr1_input").unlink()
    with pytest.raises(OSError, match="curr1_input"):
        sensor.watts()
