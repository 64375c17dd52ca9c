"""What this machine's processor offers: its cores, and which arithmetic it has."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from pathlib import Path

NO_VNNI = "this processor has no VNNI, without which INT8 sums saturate"
"""What a user is told where `sums_int8_exactly` is False."""

_CPUINFO = Path("/proc/cpuinfo")


def available_cores() -> int:
    """Cores that this process may use: its affinity, and on Linux its control group's share, rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, -(-int(quota) // int(period))))


def most_threads() -> int:
    """Threads, or frames at once, that may be asked for; more than cores are slower already, and each takes memory."""
    return max(64, 4 * (os.cpu_count() or 1))


def sums_int8_exactly() -> bool:
    """Whether 8-bit products are summed in 32 bits: VNNI on x86, every 64-bit Arm.

    x86 without VNNI adds pairs of products of uint8 and int8 in 16 bits, which saturates (VPMADDUBSW): masks are then
    wrong in places. Where the processor does not tell, the answer is no.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    return bool({"avx512_vnni", "avx_vnni"} & set(_cpuinfo("flags").split()))


def multiplies_bfloat16() -> bool:
    """Whether oneDNN has quick kernels for bfloat16 here: x86 with AVX512-BF16 or AMX.

    Without them a step of training takes seven times as long in bfloat16 as in float32 (AMD EPYC with AVX2, torch
    2.13). Arm's were not measured: there the answer is no.
    """
    return bool({"avx512_bf16", "amx_bf16"} & set(_cpuinfo("flags").split()))


def processor() -> str:
    """Its name, as its maker writes it, with a hash of its features: virtual machines hide some of one processor's."""
    features = hashlib.sha256((_cpuinfo("flags") or _cpuinfo("Features")).encode()).hexdigest()[:8]
    return f"{_cpuinfo('model name') or platform.processor() or platform.machine()} {features}"


def _cpuinfo(field: str) -> str:
    """What Linux says of the first core; nothing where it does not tell."""
    try:
        match = re.search(rf"^{field}\s*:(.*)$", _CPUINFO.read_text(), re.MULTILINE)
    except OSError:
        return ""
    return match[1].strip() if match else ""
