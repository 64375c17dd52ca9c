"""NVIDIA GPUs' own counters, through the driver's library NVML (docs.nvidia.com/deploy/nvml-api).

Since Volta a GPU counts its energy in millijoules; older ones only tell the power of the moment, in milliwatts.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

from edgeseg.benchmarks.energy.sampled import Sampled

LIBRARY = "libnvidia-ml.so.1"

INTERVAL = 0.1
"""Seconds after which GPUs have a new value, at the latest."""

_NAME_BYTES = 96


@dataclass(frozen=True)
class Nvml:
    """GPUs that count their energy.

    Attributes:
        names: of the GPUs.
        millijoules: reads all counters, added.
        interval: seconds after which they have a new value.
    """

    names: tuple[str, ...]
    millijoules: Callable[[], int]
    interval: float = INTERVAL

    def start(self) -> Callable[[], float]:
        """Begins to count; what it returns gives the joules since."""
        before = self.millijoules()
        return lambda: (self.millijoules() - before) / 1e3


def open_nvml(library: str = LIBRARY) -> Nvml | Sampled | str:
    """The counters of all GPUs, or one sentence that says why there are none."""
    try:
        nvml = ctypes.CDLL(library)
        _call(nvml, "nvmlInit_v2")
        handles = _handles(nvml)
        names = tuple(_name(nvml, handle) for handle in handles)
    except OSError as error:
        return f"GPU: no NVML ({error})"
    if not handles:
        return "GPU: NVML sees none"

    def total(function: str, kind: type[ctypes.c_uint] | type[ctypes.c_ulonglong]) -> int:
        return sum(_number(nvml, function, handle, kind) for handle in handles)

    try:
        total("nvmlDeviceGetTotalEnergyConsumption", ctypes.c_ulonglong)
    except OSError:
        try:
            total("nvmlDeviceGetPowerUsage", ctypes.c_uint)
        except OSError as error:
            return f"GPU: neither energy nor power can be read ({error})"
        return Sampled(names, lambda: total("nvmlDeviceGetPowerUsage", ctypes.c_uint) / 1e3, INTERVAL)
    return Nvml(names, lambda: total("nvmlDeviceGetTotalEnergyConsumption", ctypes.c_ulonglong))


def _handles(nvml: ctypes.CDLL) -> list[ctypes.c_void_p]:
    count = ctypes.c_uint()
    _call(nvml, "nvmlDeviceGetCount_v2", ctypes.byref(count))
    handles = [ctypes.c_void_p() for _ in range(count.value)]
    for index, handle in enumerate(handles):
        _call(nvml, "nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
    return handles


def _name(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> str:
    name = ctypes.create_string_buffer(_NAME_BYTES)
    _call(nvml, "nvmlDeviceGetName", handle, name, ctypes.c_uint(_NAME_BYTES))
    return name.value.decode(errors="replace")


def _number(
    nvml: ctypes.CDLL,
    function: str,
    handle: ctypes.c_void_p,
    kind: type[ctypes.c_uint] | type[ctypes.c_ulonglong],
) -> int:
    value = kind()
    _call(nvml, function, handle, ctypes.byref(value))
    return value.value


def _call(nvml: ctypes.CDLL, function: str, *arguments: object) -> None:
    """Calls a function of NVML; what it refuses is an OSError."""
    try:
        code = nvml[function](*arguments)
    except AttributeError as error:
        raise OSError(f"this driver's NVML has no {function}") from error
    if code != 0:
        raise OSError(f"{function} failed with code {code}")
