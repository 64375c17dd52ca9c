"""Energy from the processor's own counter: Linux powercap (RAPL), where the machine has one and lets us read it.

The counter counts on by itself, in microjoules, about every millisecond: the difference of two readings misses
nothing between them, as long as it does not wrap around twice.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")

SHORTEST = 0.1
"""Seconds below which a difference is too coarse: a hundred updates of the counter."""

IDLE_SECONDS = 2.0


@dataclass(frozen=True)
class Reading:
    """The counters at one moment: microjoules a domain, and time.perf_counter()."""

    microjoules: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class Rapl:
    """The packages' counters, and those of memory that lies outside the packages.

    Attributes:
        names: of the domains, "package-0".
        folders: in powercap, in the same order.
        ranges: where each counter wraps around, in microjoules.
    """

    names: tuple[str, ...]
    folders: tuple[Path, ...]
    ranges: tuple[int, ...]

    def read(self) -> Reading:
        """The counters now."""
        values = tuple(int((folder / "energy_uj").read_text()) for folder in self.folders)
        return Reading(values, time.perf_counter())

    def watts(self, before: Reading, after: Reading) -> float | None:
        """Mean power between two readings; None if they lie too close together."""
        seconds = after.seconds - before.seconds
        if seconds < SHORTEST:
            return None
        pairs = zip(before.microjoules, after.microjoules, self.ranges, strict=True)
        # A counter that went back has wrapped around: it counts from 0 to its range.
        return (
            sum(late - early if late >= early else late - early + span for early, late, span in pairs) / 1e6 / seconds
        )

    def idle(self) -> float | None:
        """Mean power, in watts, while this process waits for two seconds."""
        before = self.read()
        time.sleep(IDLE_SECONDS)
        return self.watts(before, self.read())


def open_rapl(root: Path = POWERCAP) -> Rapl | str:
    """The counters, or one sentence that says why there are none."""
    # Domains inside a package (core, uncore) are part of its counter, and "psys" holds the packages: only
    # package-N and dram can be summed.
    found = []
    try:
        for name in sorted(root.glob("intel-rapl:*/name")):
            domain = name.read_text().strip()
            if domain.startswith("package-") or domain == "dram":
                span = int((name.parent / "max_energy_range_uj").read_text())
                int((name.parent / "energy_uj").read_text())
                found.append((domain, name.parent, span))
    except PermissionError as error:
        return f"no energy: {error.filename} may only be read by root; run as root, or let this user read it"
    except (OSError, ValueError) as error:
        return f"no energy: the counters below {root} cannot be read ({error})"
    if not found:
        return f"no energy: this machine has no energy counter that we can read (nothing in {root})"
    names, folders, spans = zip(*found, strict=True)
    return Rapl(names, folders, spans)
