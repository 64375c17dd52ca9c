"""Machine facts from trees of files as Linux lays them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg_bench.machine import condition, machine, processor, share_of_time, versions, warnings

PI = """processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes crc32 cpuid asimdrdm asimddp
CPU part\t: 0xd0b
"""
VIRTUAL = """processor\t: 0
model name\t: AMD EPYC 9B14
cpu MHz\t\t: 2600.000
flags\t\t: fpu sse4_2 avx2 fma avx512_vnni hypervisor

processor\t: 1
model name\t: AMD EPYC 9B14
cpu MHz\t\t: 2800.000
flags\t\t: fpu sse4_2 avx2 fma avx512_vnni hypervisor
"""


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def told(root: Path) -> dict[str, Any]:
    """What is known of a machine's condition."""
    return {name: value for name, value in condition(root, "no library").items() if value not in (None, [])}


def test_a_board(tmp_path: Path) -> None:
    root = lay_out(
        tmp_path,
        {
            "proc/cpuinfo": PI,
            "proc/meminfo": "MemTotal:        8245220 kB\nMemFree: 1 kB\n",
            "proc/loadavg": "0.12 0.08 0.05 1/231 4242\n",
            "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "2400000\n",
            "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "1500000\n",
            "sys/class/thermal/thermal_zone0/temp": "52900\n",
            "sys/class/thermal/thermal_zone1/temp": "61200\n",
        },
    )
    about = machine(root)
    assert about["board"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert about["instruction_sets"] == ["asimd", "asimddp", "asimdrdm"]
    assert (about["governor"], about["memory_mb"], about["virtual"]) == ("ondemand", 8051, False)
    assert told(root) == {"load": 0.12, "celsius": 61.2, "mhz": 1950.0}


def test_a_virtual_machine(tmp_path: Path) -> None:
    root = lay_out(
        tmp_path, {"proc/cpuinfo": VIRTUAL, "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3\n"}
    )
    assert processor(root) == "AMD EPYC 9B14"
    assert machine(root)["instruction_sets"] == ["avx2", "avx512_vnni", "fma", "sse4_2"]
    assert machine(root)["virtual"]
    assert told(root) == {"mhz": 2700.0, "throttled": 3}


def test_a_system_that_tells_nothing(tmp_path: Path) -> None:
    assert machine(tmp_path)["instruction_sets"] == []
    assert condition(tmp_path, "no library") == {
        **dict.fromkeys(("load", "busy", "celsius", "mhz", "throttled")),
        "gpus": [],
    }


CALM = {"load": 0.1, "busy": 0.02, "throttled": 5, "gpus": [{"name": "L4", "throttled_ns": 7}]}
UNKNOWN = {"load": None, "busy": None, "throttled": None, "gpus": [{"name": "L4", "throttled_ns": None}]}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {}, []),
        ({"busy": 0.35}, {}, ["other work took 35% of its cores' time before the start"]),
        ({}, {"busy": 0.2}, ["after the end"]),
        ({}, {"throttled": 6}, ["the processor slowed down because it was hot"]),
        ({}, {"gpus": [{"name": "L4", "throttled_ns": 8}]}, ["L4 slowed down because it was hot"]),
        (UNKNOWN, UNKNOWN, []),
        ({}, {"gpus": []}, []),
    ],
)
def test_doubtful_figures_come_with_a_warning(before: dict[str, Any], after: dict[str, Any], said: list[str]) -> None:
    sentences = warnings({**CALM, **before}, {**CALM, **after}, cores=2)
    assert len(sentences) == len(said)
    assert all(words in sentence for words, sentence in zip(said, sentences, strict=True))


@given(st.lists(st.integers(0, 10_000), min_size=8, max_size=10), st.integers(0, 900), st.integers(1, 900))
def test_busy_is_what_is_neither_idle_nor_waiting(start: list[int], worked: int, idle: int) -> None:
    end = [*start]
    end[7] += worked  # time that the machine below a virtual one gave to others
    end[3] += idle // 2
    end[4] += idle - idle // 2
    before, after = (f"cpu  {' '.join(map(str, each))}\ncpu0 1 2 3 4 5 6 7 8\n" for each in (start, end))
    assert share_of_time(before, after) == pytest.approx(worked / (worked + idle))
    assert share_of_time(before, before) is None
    assert share_of_time(before, "") is None


def test_busy_is_asked_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = tmp_path / "proc/stat"
    lay_out(tmp_path, {"proc/stat": "cpu  0 0 0 100 0 0 0 0\n"})
    monkeypatch.setattr("time.sleep", lambda _: stat.write_text("cpu  30 0 0 170 0 0 0 0\n"))
    assert condition(tmp_path)["busy"] == pytest.approx(0.3)


def test_versions_name_what_does_the_work() -> None:
    assert {"python", "edgeseg", "numpy", "onnxruntime"} <= versions().keys()
