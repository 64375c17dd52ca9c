"""Settings of a training run that cannot be meant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edgeseg.errors import UsageError
from edgeseg.processor import most_threads
from edgeseg.train.settings import TrainSettings
from tests.train.conftest import SETTINGS


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "epochs is 0, expected at least 1"),
        ({"batch": 0}, "batch is 0, expected at least 1"),
        ({"rate": 0.0}, r"rate is 0\.0, expected a number above 0"),
        ({"new_rate": -1.0}, r"new_rate is -1\.0"),
        ({"rate": 1e38}, r"rate is 1e\+38, expected a number above 0, of at most 1e\+30"),
        ({"new_rate": 1e12}, r"new_rate is 1000000000000\.0, expected a number above 0, of at most 1000"),
        ({"temperature": 0.0}, r"temperature is 0\.0"),
        ({"encoder_rate": -0.5}, r"encoder_rate is -0\.5, expected 0 to 1000"),
        ({"decay": 1e38}, r"decay is 1e\+38, expected 0 to 1000"),
        ({"decay": -0.01}, r"decay is -0\.01"),
        ({"warmup": -1.0}, r"warmup is -1\.0"),
        ({"soft": -1.0}, r"soft is -1\.0"),
        ({"validate_every": -1}, "validate_every is -1"),
        ({"checkpoint_minutes": -1.0}, r"checkpoint_minutes is -1\.0"),
        ({"colour": 5.0}, r"colour is 5\.0, expected 0 to 1"),
        ({"focus": 2.0}, r"focus is 2\.0, expected 0 to 1"),
        ({"ema": 1.0}, r"ema is 1\.0, expected 0 to below 1"),
        ({"ohem": -0.1}, r"ohem is -0\.1"),
        ({"seed": -1}, "seed is -1, expected 0 to 4294967295"),
        ({"seed": 2**32}, "seed is 4294967296"),
        ({"threads": -1}, r"threads is -1, expected at most \d+, or 0 for torch's own choice"),
        ({"threads": most_threads() + 1}, "threads is"),
        ({"decay": float("nan")}, "decay is nan, expected a finite number"),
    ],
)
def test_numbers_out_of_range_are_named(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainSettings(**setting)


def test_limits_themselves_are_taken() -> None:
    TrainSettings(encoder_rate=0.0, decay=0.0, warmup=0.0, colour=1.0, focus=1.0, ema=0.0, seed=2**32 - 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"crop": "big"},
        {"scale": "2"},
        {"scale": "2,1"},
        {"scale": "1,99999"},
        {"rate": float("nan")},
        {"decay": float("inf")},
        {"ema": 1.0},
        {"crop": "0x32"},
        {"crop": "8193x8192"},
        {"crop": "99999x99999"},
        {"paste": 1.5},
        {"class_mix": -0.1},
        {"boundary": -1.0},
        {"seed": -1},
        {"seed": 2**32},
        {"decay": -0.1},
        {"warmup": -1.0},
        {"encoder_rate": -1.0},
        {"colour": 5.0},
        {"threads": -1},
        {"validate_every": -1},
        {"checkpoint_minutes": -1.0},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="expected"):
        replace(SETTINGS, **wrong)
