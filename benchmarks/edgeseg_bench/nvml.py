"""NVIDIA's management library, which comes with the driver (docs.nvidia.com/deploy/nvml-api): what we ask of it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

LIBRARY = "libnvidia-ml.so.1"

_NAME_BYTES = 96

_SENSOR, _SM, _HEAT = 0, 1, 1
"""NVML_TEMPERATURE_GPU, NVML_CLOCK_SM, NVML_PERF_POLICY_THERMAL."""


class _ViolationTime(ctypes.Structure):
    """nvmlViolationTime_t: when it was read, in microseconds, and for how long so far, in nanoseconds."""

    _fields_ = (("reference", ctypes.c_ulonglong), ("violation", ctypes.c_ulonglong))


@dataclass(frozen=True)
class Gpu:
    """One GPU that the library sees.

    Attributes:
        name: as its maker writes it.
        library: the library.
        handle: what it calls the GPU.
    """

    name: str
    library: ctypes.CDLL
    handle: ctypes.c_void_p

    def energy(self) -> int:
        """Millijoules since the driver was loaded.

        Raises:
            OSError: this GPU does not count them.
        """
        value = ctypes.c_ulonglong()
        _call(self.library, "nvmlDeviceGetTotalEnergyConsumption", self.handle, ctypes.byref(value))
        return value.value

    def power(self) -> int:
        """Milliwatts now.

        Raises:
            OSError: this GPU does not tell.
        """
        value = ctypes.c_uint()
        _call(self.library, "nvmlDeviceGetPowerUsage", self.handle, ctypes.byref(value))
        return value.value

    def condition(self) -> dict[str, int | None]:
        """Temperature, clock, and for how long it was slowed down by heat so far; None where it does not tell."""
        celsius, mhz, slowed = ctypes.c_uint(), ctypes.c_uint(), _ViolationTime()
        return {
            "celsius": celsius.value if self._tells("nvmlDeviceGetTemperature", _SENSOR, celsius) else None,
            "mhz": mhz.value if self._tells("nvmlDeviceGetClockInfo", _SM, mhz) else None,
            "throttled_ns": slowed.violation if self._tells("nvmlDeviceGetViolationStatus", _HEAT, slowed) else None,
        }

    def _tells(self, function: str, which: int, answer: ctypes.c_uint | _ViolationTime) -> bool:
        try:
            _call(self.library, function, self.handle, ctypes.c_int(which), ctypes.byref(answer))
        except OSError:
            return False
        return True


def open_gpus(library: str = LIBRARY) -> list[Gpu]:
    """All GPUs of this machine.

    Raises:
        OSError: there is no such library, or it refuses.
    """
    nvml = ctypes.CDLL(library)
    _call(nvml, "nvmlInit_v2")
    count = ctypes.c_uint()
    _call(nvml, "nvmlDeviceGetCount_v2", ctypes.byref(count))
    return [_gpu(nvml, index) for index in range(count.value)]


def _gpu(nvml: ctypes.CDLL, index: int) -> Gpu:
    handle, name = ctypes.c_void_p(), ctypes.create_string_buffer(_NAME_BYTES)
    _call(nvml, "nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
    _call(nvml, "nvmlDeviceGetName", handle, name, ctypes.c_uint(_NAME_BYTES))
    return Gpu(name.value.decode(errors="replace"), nvml, handle)


def _call(nvml: ctypes.CDLL, function: str, *arguments: object) -> None:
    """Calls a function; what it refuses is an OSError."""
    try:
        code = nvml[function](*arguments)
    except AttributeError as error:
        raise OSError(f"this NVML has no {function}") from error
    if code != 0:
        raise OSError(f"{function} failed with code {code}")
