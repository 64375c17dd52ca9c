"""Camera to mask: a file plays at a camera's rate, through the path that live sources take.

A frame's time is the moment at which the camera would have given it, by the schedule, not the one at which the
reader got round to it: a reader that is late does not hide its delay.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

from edgeseg.segmenter import Segmenter
from edgeseg.video.live import LiveSource, Reading
from edgeseg.video.open import open_source
from edgeseg.video.options import Mode
from edgeseg.video.pipeline import stream
from edgeseg.video.source import Source
from edgeseg_bench.windows import Window, percentile

INCLUDED = (
    "from the moment the camera gives a frame to its mask: decoding, waiting for a worker, resize, engine, arg-max"
)
EXCLUDED = "the sensor's exposure, the network between camera and machine, display, recording"

STAGES = ("capture", "waiting", "prepare", "infer", "kernel")

STEP = 1.25
"""Factor between the rates that the search tries before it knows two to search between."""

CLOSE = 1.05
"""The search ends when the best rate that holds and the lowest that does not lie this close together."""

LOWEST, HIGHEST = 0.5, 1000.0
"""Frames a second that the search stays between."""

TRIAL_SECONDS = 8.0


@dataclass(frozen=True)
class CameraWindow:
    """One window of a camera.

    Attributes:
        window: latency from capture to mask, and the drops.
        stage_ms: mean milliseconds that a frame spends in each of STAGES; they add up to the mean latency.
    """

    window: Window
    stage_ms: dict[str, float]


class VideoCamera:
    """Gives the frames of a video at a fixed rate, again from the start where it ends; then no more."""

    def __init__(self, video: Path, *, fps: float, frames: int) -> None:
        """Opens the video as often as it has to be played, so that no frame waits for a file to open."""
        self._files = ExitStack()
        sources: list[Source] = [self._files.enter_context(open_source(video))]
        length = sources[0].frame_count or 1
        sources += [self._files.enter_context(open_source(video)) for _ in range(-(-frames // length) - 1)]
        self._frames = chain.from_iterable(sources)
        self._fps = fps
        self._length = frames
        self._count = 0
        self._started = 0.0

    def read(self) -> Reading | None:
        """Waits until the next frame is due, then decodes it."""
        if self._count == self._length:
            return None
        if self._count == 0:
            self._started = time.perf_counter()
        timestamp = self._count / self._fps
        due = self._started + timestamp
        time.sleep(max(0.0, due - time.perf_counter()))
        frame = next(self._frames, None)
        if frame is None:
            return None
        self._count += 1
        return Reading(frame.image, timestamp, due, time.perf_counter() - due)

    def release(self) -> None:
        """Closes the files."""
        self._files.close()


def measure(model: Segmenter, video: Path, *, fps: float, frames: int, mode: Mode) -> CameraWindow:
    """One window: the camera gives `frames` frames at `fps`; the newest is segmented, the others are drops.

    Raises:
        SourceError: the video cannot be opened or gives no frame.
    """
    camera = VideoCamera(video, fps=fps, frames=frames)
    timeout = 10.0 + 2 / fps
    rate = Fraction(fps).limit_denominator(1001)
    source = LiveSource(f"{video.name} as a camera", camera.read, camera.release, fps=rate, timeout=timeout)
    running = stream(model, source, mode=mode, tolerate_loss=True)
    samples: list[float] = []
    totals = dict.fromkeys(STAGES, 0.0)
    started, spent = time.perf_counter(), time.process_time()
    for result in running:
        latency = 1e3 * (result.done - result.captured)
        samples.append(latency)
        stages = {name: 1e3 * seconds for name, seconds in result.seconds.items()}
        stages["waiting"] = latency - sum(stages.values())
        for name in STAGES:
            totals[name] += stages[name]
    window = Window(
        tuple(samples), time.perf_counter() - started, time.process_time() - spent, dropped=running.stats.dropped
    )
    return CameraWindow(window, {name: total / len(samples) for name, total in totals.items()})


def holds(camera: CameraWindow, fps: float) -> bool:
    """Whether a machine keeps up: no drop, and the 99th percentile of latency below two frame intervals."""
    return camera.window.dropped == 0 and percentile(camera.window.ms, 99) < 2e3 / fps


def highest_rate(
    measure_at: Callable[[float], CameraWindow], start: float
) -> tuple[float | None, list[dict[str, Any]]]:
    """The highest rate that holds, to 5 %, and every trial; None if not even the lowest does.

    Args:
        measure_at: plays a camera at so many frames a second.
        start: the first rate to try.
    """
    trials: list[dict[str, Any]] = []

    def try_rate(fps: float) -> bool:
        camera = measure_at(fps)
        passes = holds(camera, fps)
        p99 = percentile(camera.window.ms, 99)
        trials.append({"fps": fps, "p99_ms": p99, "dropped": camera.window.dropped, "holds": passes})
        return passes

    low, high = 0.0, float("inf")
    rate = start
    while high > CLOSE * low and low < HIGHEST and rate >= LOWEST:
        if try_rate(rate):
            low = rate
        else:
            high = rate
        if low == 0.0:
            rate = high / STEP
        elif high == float("inf"):
            rate = min(low * STEP, HIGHEST)
        else:
            rate = (low * high) ** 0.5
    return low or None, trials


def trial_frames(fps: float, frames: int) -> int:
    """Frames of one trial of the search: at most `frames`, and no more than fit into eight seconds (but 30)."""
    return min(frames, max(30, round(fps * TRIAL_SECONDS)))
