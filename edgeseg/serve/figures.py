"""What one camera's masks came to: counts, durations, masks a second."""

from __future__ import annotations

import threading
from collections import deque

import cv2
import numpy as np

from edgeseg.arrays import Mask
from edgeseg.video.model import Result
from edgeseg.video.timing import Histogram

WINDOW = 10.0
"""Seconds over which masks a second are counted."""

STAGES = ("capture", "prepare", "infer", "kernel", "capture_to_mask")


class Figures:
    """Counts one camera's results; other threads may look at any time."""

    def __init__(self, started: float) -> None:
        """Begins at a reading of time.perf_counter()."""
        self._lock = threading.Lock()  # guards all that follows
        self._started = started
        self._masks = 0
        self._stages = {name: Histogram() for name in STAGES}
        self._done: deque[float] = deque()  # of the masks of the last WINDOW

    @property
    def masks(self) -> int:
        """How many there were."""
        with self._lock:
            return self._masks

    def add(self, result: Result) -> None:
        """Counts one."""
        with self._lock:
            self._masks += 1
            for name, seconds in result.seconds.items():
                self._stages[name].add(seconds)
            self._stages["capture_to_mask"].add(result.done - result.captured)
            self._done.append(result.done)
            self._forget(result.done)

    def fps(self, now: float) -> float:
        """Masks a second over the last WINDOW, or since the start where that is less."""
        with self._lock:
            self._forget(now)
            elapsed = min(WINDOW, now - self._started)
            return len(self._done) / elapsed if elapsed > 0 else 0.0

    def stages(self) -> dict[str, Histogram]:
        """Copies of the histograms."""
        with self._lock:
            return {name: times.copy() for name, times in self._stages.items()}

    def _forget(self, now: float) -> None:
        while self._done and self._done[0] < now - WINDOW:
            self._done.popleft()


def fractions(mask: Mask, classes: tuple[str, ...]) -> dict[str, float]:
    """Which part of the pixels each class has, 0 to 1.

    Args:
        mask: class ids (H, W), or of labels that may overlap (L, H, W).
        classes: names by class id.
    """
    if mask.ndim == 3:
        return dict(zip(classes, (float(np.mean(plane)) for plane in mask), strict=True))
    counts = cv2.calcHist([mask], [0], None, [len(classes)], [0, len(classes)]).ravel()  # 5 times as fast as bincount
    return {name: float(count) / mask.size for name, count in zip(classes, counts, strict=True)}
