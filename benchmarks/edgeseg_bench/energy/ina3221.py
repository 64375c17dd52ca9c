"""A Jetson's power sensors: INA3221 chips, as Linux's hwmon shows them.

Of each channel N: inN_label its rail, inN_input its voltage in mV, currN_input its current in mA, inN_enable 0 where it
is switched off (docs.kernel.org/hwmon/ina3221.html). update_interval is the chip's conversion time in ms.
"""

from __future__ import annotations

import re
from pathlib import Path

from edgeseg_bench.energy.sampled import Sampled

HWMON = Path("/sys/class/hwmon")

WHOLE = ("VDD_IN", "POM_5V_IN")
"""Rails through which a module draws all its power; its other rails are parts of that."""

INTERVAL = 0.1
"""Seconds between samples where the chip does not tell."""

CHANNELS = ("1", "2", "3")


def open_ina3221(root: Path = HWMON) -> Sampled | str:
    """The sensors, or one sentence that says why there are none.

    The rail of the whole module alone where there is one, else all rails, which are then added.
    """
    rails: dict[str, tuple[Path, str]] = {}
    intervals = [INTERVAL]
    try:
        for name in sorted(root.glob("hwmon*/name")):
            chip = name.parent
            if name.read_text().strip() != "ina3221":
                continue
            for channel in CHANNELS:
                label = _text(chip / f"in{channel}_label")
                if label and label != "NC" and _text(chip / f"in{channel}_enable") != "0":
                    rails[label] = (chip, channel)
            if (milliseconds := _text(chip / "update_interval")) is not None:
                intervals.append(int(milliseconds) / 1e3)
        whole = [label for label in rails if label in WHOLE]
        inputs = {label: rails[label] for label in whole[:1] or rails}
        if not inputs:
            return f"module: no INA3221 sensor (in {root})"
        sensor = Sampled(tuple(inputs), lambda: sum(_watts(*rail) for rail in inputs.values()), max(intervals))
        sensor.watts()
    except (OSError, ValueError) as error:
        return f"module: the INA3221 sensors below {root} cannot be read ({error})"
    return sensor


def _watts(chip: Path, channel: str) -> float:
    texts = [(chip / f"{what}{channel}_input").read_text().strip() for what in ("in", "curr")]
    if not all(re.fullmatch(r"-?\d+", text) for text in texts):
        raise OSError(f"{chip} channel {channel} gives {texts}, expected millivolts and milliamperes")
    return int(texts[0]) * int(texts[1]) / 1e6


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None
