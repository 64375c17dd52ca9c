"""How many cores there are, and how the two modes share them out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

Mode = Literal["throughput", "latency"]
"""Many frames at once on one core each, or one frame at a time on all cores."""


def available_cores() -> int:
    """Cores that this process may use: its affinity, and on Linux its control group's share, rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, -(-int(quota) // int(period))))


def engine_threads(mode: Mode) -> int:
    """Threads to load a model with: 1 for throughput, where every core has a worker; all for latency."""
    return 1 if mode == "throughput" else available_cores()
