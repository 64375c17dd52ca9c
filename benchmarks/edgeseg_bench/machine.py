"""Facts and condition of the machine that is measured, which stand beside every figure.

`python -m edgeseg_bench.machine` prints the name that this device's files of results bear.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import time
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edgeseg import _native
from edgeseg.files import system_text
from edgeseg.processor import available_cores
from edgeseg_bench.nvml import LIBRARY, open_gpus

ROOT = Path("/")
"""Of /proc and /sys; tests read recorded trees."""

PACKAGES = (
    "edgeseg",
    "numpy",
    "opencv-python",
    "av",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "tensorrt",
    "tensorrt-rtx",
)

INSTRUCTION_SETS = re.compile(
    r"(sse4_2|avx|avx2|fma|f16c|avx512\w*|avx_vnni\w*|amx_\w+|neon|asimd\w*|i8mm|bf16|sve\w*)"
)
"""Flags of /proc/cpuinfo that decide how fast a network runs."""

BUSY = 0.1
"""Share of the cores' time in other hands above which figures are doubtful."""

BUSY_SECONDS = 1.0


def machine(root: Path = ROOT) -> dict[str, Any]:
    """Facts that do not change while the machine runs; null where this system does not tell."""
    flags = _cpuinfo(root, "flags") or _cpuinfo(root, "Features") or ""
    return {
        "processor": processor(root),
        "architecture": platform.machine(),
        "cores": available_cores(),
        "instruction_sets": sorted(flag for flag in flags.split() if INSTRUCTION_SETS.fullmatch(flag)),
        "kernels": _native.instruction_set(),
        "governor": system_text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "memory_mb": _memory_mb(root),
        "virtual": "hypervisor" in flags.split(),
        "board": system_text(root / "proc/device-tree/model"),
        "gpus": _gpus(),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Python and the installed packages that do the work."""
    installed = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


def condition(root: Path = ROOT, nvml: str = LIBRARY) -> dict[str, Any]:
    """What changes: null where this system does not tell. It takes a second, in which nothing else of ours may run.

    load: of the last minute. busy: share of the cores' time that others take now. celsius: of the hottest sensor.
    mhz: mean clock. throttled: events so far, in which the processor slowed down because it was hot. gpus: name,
    celsius, mhz and throttled_ns (so far, because of heat) of each NVIDIA GPU.
    """
    cpus = root / "sys/devices/system/cpu"
    temperatures = _numbers(root / "sys/class/thermal", "thermal_zone*/temp")
    cpuinfo = system_text(root / "proc/cpuinfo") or ""
    clocks = [clock / 1e3 for clock in _numbers(cpus, "cpu[0-9]*/cpufreq/scaling_cur_freq")] or [
        float(clock) for clock in re.findall(r"^cpu MHz\s*: ([\d.]+)", cpuinfo, re.MULTILINE)
    ]
    throttled = _numbers(cpus, "cpu[0-9]*/thermal_throttle/*_throttle_count")
    load = (system_text(root / "proc/loadavg") or "").split()
    return {
        "load": float(load[0]) if load else None,
        "busy": _busy(root / "proc/stat"),
        "celsius": max(temperatures) / 1e3 if temperatures else None,
        "mhz": sum(clocks) / len(clocks) if clocks else None,
        "throttled": sum(throttled) if throttled else None,
        "gpus": _gpu_conditions(nvml),
    }


def warnings(before: dict[str, Any], after: dict[str, Any], cores: int) -> list[str]:
    """One sentence for each thing between two `condition`s that makes figures doubtful."""
    sentences = []
    for each, when in ((before, "before the start"), (after, "after the end")):
        if each["busy"] is not None and each["busy"] > BUSY:
            sentences.append(
                f"the machine was busy: other work took {each['busy']:.0%} of its cores' time {when} (load "
                f"{each['load']}, {cores} cores); figures of an idle machine are better, repeat there"
            )
    if before["throttled"] is not None and after["throttled"] is not None and after["throttled"] > before["throttled"]:
        sentences.append("the processor slowed down because it was hot (throttling events); cool it and repeat")
    for early, late in zip(before["gpus"], after["gpus"], strict=False):
        if None not in (early["throttled_ns"], late["throttled_ns"]) and late["throttled_ns"] > early["throttled_ns"]:
            sentences.append(f"{late['name']} slowed down because it was hot; cool it and repeat")
    return sentences


def share_of_time(before: str, after: str) -> float | None:
    """Share of all cores' time between two texts of /proc/stat that was neither idle nor waiting for a disk."""
    early, late = (re.search(r"^cpu +([\d ]+)$", text, re.MULTILINE) for text in (before, after))
    if early is None or late is None:
        return None
    # user nice system idle iowait irq softirq steal; what follows is contained in these.
    spent = [b - a for a, b in zip(*(map(int, match[1].split()[:8]) for match in (early, late)), strict=True)]
    return 1 - sum(spent[3:5]) / sum(spent) if sum(spent) > 0 else None


def result_head(what: str, number: int, before: dict[str, Any]) -> dict[str, Any]:
    """The first fields of every result file: what it is, when and where it was measured, what was wrong meanwhile.

    Args:
        what: the command, "edgeseg bench".
        number: of the file's format.
        before: the machine's condition before the measurement; that after it is read now.
    """
    after = condition()
    return {
        "format": number,
        "what": what,
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "condition": {"before": before, "after": after},
        "warnings": warnings(before, after, available_cores()),
    }


def processor(root: Path = ROOT) -> str:
    """The processor's name, as its maker writes it."""
    return _cpuinfo(root, "model name") or platform.processor() or platform.machine()


def device(root: Path = ROOT) -> str:
    """A name for files of results, from processor (or board) and cores: "amd-epyc-2-cores"."""
    name = system_text(root / "proc/device-tree/model") or processor(root)
    return re.sub(r"[^a-z0-9]+", "-", f"{name} {available_cores()} cores".lower()).strip("-")


def _cpuinfo(root: Path, field: str) -> str | None:
    match = re.search(rf"^{field}\s*: (.+)$", system_text(root / "proc/cpuinfo") or "", re.MULTILINE)
    return match[1].strip() if match else None


def _memory_mb(root: Path) -> int | None:
    match = re.search(r"^MemTotal:\s+(\d+) kB", system_text(root / "proc/meminfo") or "", re.MULTILINE)
    return int(match[1]) // 1024 if match else None


def _busy(stat: Path) -> float | None:
    before = system_text(stat)
    if before is None:
        return None
    time.sleep(BUSY_SECONDS)
    return share_of_time(before, system_text(stat) or "")


def _gpu_conditions(library: str) -> list[dict[str, Any]]:
    try:
        gpus = open_gpus(library)
    except OSError:
        return []
    return [{"name": gpu.name, **gpu.condition()} for gpu in gpus]


def _gpus() -> list[str]:
    """Name and driver of each NVIDIA GPU; empty without nvidia-smi."""
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        result = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in result.stdout.splitlines() if line.strip()] if result.returncode == 0 else []


def _numbers(folder: Path, pattern: str) -> list[float]:
    """The numbers in all files that match; sensors that cannot be read are left out."""
    texts = [system_text(path) for path in sorted(folder.glob(pattern))]
    return [float(text) for text in texts if text and re.fullmatch(r"-?\d+", text)]


if __name__ == "__main__":
    print(device())
