"""What came of a soak: slopes, drifts, losses by cause, and how long each camera was away."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from lab.soak.faults import Fault
from lab.soak.watch import Sample

WARM = 0.25
"""Of the time: until then a service still grows into its memory."""


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the line of least squares through points (x, y); 0 for fewer than two."""
    if len({x for x, _ in points}) < 2:
        return 0.0
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


def growth(samples: Sequence[Sample]) -> dict[str, Any]:
    """Memory, descriptors and threads after warm-up."""
    warm = [sample for sample in samples if sample.seconds >= WARM * samples[-1].seconds]
    memory = [(sample.seconds, float(sample.memory)) for sample in warm]
    mean = statistics.fmean(value for _, value in memory)
    return {
        "memory_mb": round(mean / 1e6, 1),
        "memory_percent_an_hour": round(100 * 3600 * slope(memory) / mean, 2),
        "all_processes_mb": round(statistics.fmean(sample.shared for sample in warm) / 1e6, 1),
        "descriptors": [warm[0].descriptors, warm[-1].descriptors, max(sample.descriptors for sample in warm)],
        "threads": [warm[0].threads, warm[-1].threads, max(sample.threads for sample in warm)],
        "processes": [warm[0].processes, warm[-1].processes],
    }


def latency(statuses: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mean milliseconds from capture to mask in the first quarter after warm-up, and in the last one."""
    last = statuses[-1]["at"]

    def mean(start: float, end: float) -> float:
        within = [status for status in statuses if start * last <= status["at"] <= end * last]
        counts = [total(status) for status in (within[0], within[-1])] if within else [(0, 0.0), (0, 0.0)]
        frames = counts[1][0] - counts[0][0]
        return (counts[1][1] - counts[0][1]) / frames if frames else 0.0

    return {"first_ms": round(mean(WARM, WARM + 0.25), 2), "last_ms": round(mean(0.75, 1.0), 2)}


def total(status: dict[str, Any]) -> tuple[int, float]:
    """Masks of all cameras, and milliseconds from capture to mask in sum."""
    times = [camera["stages"]["capture_to_mask"] for camera in status["cameras"]]
    return sum(each["count"] for each in times), sum(each["count"] * each["mean"] for each in times)


def absences(faults: Iterable[Fault], events: Iterable[dict[str, Any]]) -> list[tuple[str, float, float | None]]:
    """Of each fault that a camera noticed: its kind, seconds from its end to the next frame, and to the stall.

    Args:
        faults: of one camera, in order.
        events: of that camera, in order.

    Returns:
        (kind, seconds until it was live, seconds from the beginning until it was stalled or None)
    """
    changes = [(time_of(event), event["name"]) for event in events if event["kind"] == "state"]
    ordered = list(faults)
    found = []
    for at, fault in enumerate(ordered):
        end = ordered[at + 1].began if at + 1 < len(ordered) else float("inf")
        within = [(time, name) for time, name in changes if fault.began <= time < end]
        lost = [time for time, name in within if name in ("stalled", "reconnecting")]
        back = [time for time, name in within if name == "live" and lost and time > lost[0]]
        if back:
            stalled = [time - fault.began for time, name in within if name == "stalled"]
            found.append((fault.kind, max(0.0, back[-1] - fault.mended), stalled[0] if stalled else None))
    return found


def time_of(event: dict[str, Any]) -> float:
    """Seconds since the epoch."""
    return datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


def summed(statuses: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Frames without a mask, and reconnects, by cause, of all cameras of a status."""
    skipped: Counter[str] = Counter()
    reconnects: Counter[str] = Counter()
    for camera in statuses["cameras"]:
        skipped.update(camera["skipped"])
        reconnects.update(camera["connection"]["reconnects"])
    return {"skipped": dict(skipped), "reconnects": dict(reconnects)}
