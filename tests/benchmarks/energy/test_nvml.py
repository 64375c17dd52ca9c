"""NVIDIA's library, by a stand-in compiled here: the functions that we call, typed as NVIDIA documents them."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from edgeseg_bench.energy.nvml import Nvml, open_nvml
from edgeseg_bench.energy.sampled import Sampled
from edgeseg_bench.machine import condition

STAND_IN = """
#include <string.h>
typedef int nvmlReturn_t;
typedef struct gpu { const char *name; unsigned long long millijoules; unsigned int milliwatts; } *nvmlDevice_t;
static struct gpu gpus[2] = {{"NVIDIA H100", 1000000ull, 70000u}, {"NVIDIA L4", 5000000000000ull, 16500u}};
static int started = 0;
unsigned int stand_in_gpus = 2, stand_in_counts = 1, stand_in_powers = 1, stand_in_runs = 1;
void stand_in_spend(int index, unsigned long long millijoules) { gpus[index].millijoules += millijoules; }

nvmlReturn_t nvmlInit_v2(void) { started = stand_in_runs; return stand_in_runs ? 0 : 9; }
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) {
    if (!started) return 1;
    *count = stand_in_gpus;
    return 0;
}
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device) {
    if (!started || index >= stand_in_gpus) return 2;
    *device = &gpus[index];
    return 0;
}
nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length) {
    strncpy(name, device->name, length);
    return 0;
}
nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long *energy) {
    if (!stand_in_counts) return 3;
    *energy = device->millijoules;
    return 0;
}
nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *power) {
    if (!stand_in_powers) return 3;
    *power = device->milliwatts;
    return 0;
}
nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, int sensor, unsigned int *celsius) {
    if (sensor != 0) return 2;
    *celsius = device == &gpus[0] ? 41 : 57;
    return 0;
}
nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, int clock, unsigned int *mhz) {
    if (clock != 1) return 2;
    *mhz = device == &gpus[0] ? 1980 : 2040;
    return 0;
}
struct violation { unsigned long long reference, violation; };
nvmlReturn_t nvmlDeviceGetViolationStatus(nvmlDevice_t device, int policy, struct violation *time) {
    if (policy != 1) return 2;
    if (device == &gpus[1]) return 3;
    time->reference = 1;
    time->violation = 5000000000ull;
    return 0;
}
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The stand-in; each test has one of its own, with its own state."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    source, result = tmp_path / "nvml.c", tmp_path / "libnvidia-ml.so.1"
    source.write_text(STAND_IN)
    subprocess.run([compiler, "-Wall", "-Werror", "-shared", "-fPIC", "-o", result, source], check=True)
    return result


def set_to(library: Path, name: str, value: int) -> None:
    ctypes.c_uint.in_dll(ctypes.CDLL(str(library)), f"stand_in_{name}").value = value


def test_all_gpus_are_added(library: Path) -> None:
    meter = open_nvml(str(library))
    assert isinstance(meter, Nvml)
    assert meter.names == ("NVIDIA H100", "NVIDIA L4")
    stop = meter.start()
    spend = ctypes.CDLL(str(library)).stand_in_spend
    spend.argtypes = [ctypes.c_int, ctypes.c_ulonglong]
    spend(0, 12_500)
    spend(1, 6_000_000_000)  # beyond 32 bits
    assert stop() == pytest.approx(12.5 + 6_000_000)


def test_an_old_gpu_is_sampled(library: Path) -> None:
    set_to(library, "counts", 0)
    meter = open_nvml(str(library))
    assert isinstance(meter, Sampled)
    assert meter.watts() == pytest.approx(70 + 16.5)


def test_what_it_cannot_do_is_said(library: Path) -> None:
    set_to(library, "counts", 0)
    set_to(library, "powers", 0)
    assert "neither energy nor power can be read" in str(open_nvml(str(library)))
    set_to(library, "gpus", 0)
    assert str(open_nvml(str(library))) == "GPU: NVML sees none"
    set_to(library, "runs", 0)
    assert "nvmlInit_v2 failed with code 9" in str(open_nvml(str(library)))


def test_without_the_library_it_says_so(tmp_path: Path) -> None:
    assert str(open_nvml(str(tmp_path / "libnvidia-ml.so.1"))).startswith("GPU: no NVML")


def test_another_library_is_no_nvml() -> None:
    assert "has no nvmlInit_v2" in str(open_nvml("libc.so.6"))


def test_a_counter_that_fails_meanwhile_says_so(library: Path) -> None:
    meter = open_nvml(str(library))
    assert isinstance(meter, Nvml)
    stop = meter.start()
    set_to(library, "counts", 0)
    with pytest.raises(OSError, match="nvmlDeviceGetTotalEnergyConsumption failed with code 3"):
        stop()


def test_a_gpus_condition(library: Path, tmp_path: Path) -> None:
    assert condition(tmp_path, str(library))["gpus"] == [
        {"name": "NVIDIA H100", "celsius": 41, "mhz": 1980, "throttled_ns": 5_000_000_000},
        {"name": "NVIDIA L4", "celsius": 57, "mhz": 2040, "throttled_ns": None},
    ]
