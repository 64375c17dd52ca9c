"""The processor's own counter: Linux powercap (RAPL), where the machine has one and lets us read it.

The counter counts on by itself, in microjoules, about every millisecond: the difference of two readings misses
nothing between them, as long as it does not wrap around twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Rapl:
    """The packages' counters, and those of memory that lies outside the packages.

    Attributes:
        names: of the domains, "package-0".
        folders: in powercap, in the same order.
        ranges: where each counter wraps around, in microjoules.
        interval: seconds between new values, with room to spare.
    """

    names: tuple[str, ...]
    folders: tuple[Path, ...]
    ranges: tuple[int, ...]
    interval: float = 0.01

    def read(self) -> tuple[int, ...]:
        """The counters now, in microjoules.

        Raises:
            OSError: one cannot be read, or gives no number.
        """
        texts = [(folder / "energy_uj").read_text().strip() for folder in self.folders]
        if not all(text.isdecimal() for text in texts):
            raise OSError(f"the counters {', '.join(self.names)} give {texts}, expected microjoules")
        return tuple(map(int, texts))

    def start(self) -> Callable[[], float]:
        """Begins to count; what it returns gives the joules since."""
        before = self.read()
        return lambda: self.joules(before, self.read())

    def joules(self, before: tuple[int, ...], after: tuple[int, ...]) -> float:
        """Energy between two readings; a counter that went back has wrapped around at its range."""
        spent = (
            late - early if late >= early else late - early + span
            for early, late, span in zip(before, after, self.ranges, strict=True)
        )
        return sum(spent) / 1e6


def open_rapl(root: Path = POWERCAP) -> Rapl | str:
    """The counters, or one sentence that says why there are none."""
    # Domains inside a package (core, uncore) are part of its counter, and "psys" holds the packages: only
    # package-N and dram can be summed.
    zones = []
    try:
        for name in sorted(root.glob("intel-rapl:*/name")):
            domain = name.read_text().strip()
            if domain.startswith("package-") or domain == "dram":
                span = int((name.parent / "max_energy_range_uj").read_text())
                int((name.parent / "energy_uj").read_text())
                zones.append((domain, name.parent, span))
    except PermissionError as error:
        return f"processor: {error.filename} may only be read by root; run as root, or let this user read it"
    except (OSError, ValueError) as error:
        return f"processor: the counters below {root} cannot be read ({error})"
    if not zones:
        return f"processor: no energy counter (nothing in {root})"
    names, folders, spans = zip(*zones, strict=True)
    return Rapl(names, folders, spans)
