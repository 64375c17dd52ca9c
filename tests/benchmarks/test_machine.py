"""Machine facts from trees of files as Linux lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.benchmarks.machine import condition, machine, processor, versions, warnings

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
    assert condition(root) == {"load": 0.12, "celsius": 61.2, "mhz": 1950.0, "throttled": None}


def test_a_virtual_machine(tmp_path: Path) -> None:
    root = lay_out(
        tmp_path, {"proc/cpuinfo": VIRTUAL, "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3\n"}
    )
    assert processor(root) == "AMD EPYC 9B14"
    assert machine(root)["instruction_sets"] == ["avx2", "avx512_vnni", "fma", "sse4_2"]
    assert machine(root)["virtual"]
    assert condition(root) == {"load": None, "celsius": None, "mhz": 2700.0, "throttled": 3}


def test_a_system_that_tells_nothing(tmp_path: Path) -> None:
    assert machine(tmp_path)["instruction_sets"] == []
    assert condition(tmp_path) == dict.fromkeys(("load", "celsius", "mhz", "throttled"))


@pytest.mark.parametrize(
    ("load", "throttled", "said"), [(0.1, 5, []), (3.0, 5, ["busy"]), (0.1, 6, ["hot"]), (None, None, [])]
)
def test_doubtful_figures_come_with_a_warning(load: float | None, throttled: int | None, said: list[str]) -> None:
    found = warnings({"load": load, "throttled": 5}, {"load": load, "throttled": throttled}, cores=2)
    assert len(found) == len(said)
    assert all(word in sentence for word, sentence in zip(said, found, strict=True))


def test_versions_name_what_does_the_work() -> None:
    assert {"python", "edgeseg", "numpy", "onnxruntime"} <= versions().keys()
