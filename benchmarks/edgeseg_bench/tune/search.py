"""Measures combinations until each has failed or is known.

A combination is timed in one short window first: where that is far beyond the budget, it is dropped before accuracy is
looked at. Then its accuracy is estimated on a few images; then it is timed in windows that agree, and judged on all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate
from edgeseg.arrays import Image
from edgeseg.errors import EngineError, FrameError, UsageError
from edgeseg.segmenter import Segmenter
from edgeseg.video.open import open_source
from edgeseg_bench import engine
from edgeseg_bench.tune.combinations import Combination
from edgeseg_bench.windows import Window, percentile, repeat
from edgeseg_export.frames import spread

INCLUDED = "a frame in memory to its mask at frame size: resize, engine, arg-max; all workers at once"

FAR = 1.5
"""A combination whose median in a short window is so many times the budget cannot have its p95 within it."""

SHORT, LONG, MOST = 12, 50, 8
"""Frames of the short window and of the others, and the bound on their number."""

FRAMES = 16
"""Different frames that are timed; they take turns."""

SUBSET, MARGIN = 20, 5.0
"""Images that accuracy is estimated on, and the points of mIoU by which the estimate may be off.

Measured with "road" on CamVid's val split: 20 evenly spaced images lie within 0.8 points of all 101, 20 random ones
within 1.8 in 99 of 100 draws.
"""

Frames = Sequence[Image]


@dataclass(frozen=True)
class Budget:
    """What a combination must keep.

    Attributes:
        max_latency_ms: that 95 of 100 frames may take.
        min_miou: in percent.
    """

    max_latency_ms: float
    min_miou: float

    def __post_init__(self) -> None:
        if not 0 < self.max_latency_ms < float("inf"):
            raise UsageError(f"max-latency is {self.max_latency_ms:g}, expected milliseconds above 0")

    def missed(self, p95: float, miou: float | None) -> float:
        """By how much both figures miss it, in shares of the limits, added; an unknown accuracy (None) misses by 0."""
        slow = max(0.0, p95 / self.max_latency_ms - 1)
        if miou is None:
            return slow
        if math.isnan(miou):  # no label of any class
            return slow + 1
        return slow + (max(0.0, 1 - miou / self.min_miou) if self.min_miou else 0.0)


@dataclass(frozen=True)
class Trial:
    """A combination as far as it was measured.

    Attributes:
        combination: the combination.
        window: all calls that were timed in the last step, each with the combination's batch; None if it did not run.
        miou: in percent, of `images` images; None if accuracy was not looked at.
        images: how many.
        dropped: why it was not measured to the end; None if it was.
        steady: whether the last windows agreed.
    """

    combination: Combination
    window: Window | None = None
    miou: float | None = None
    images: int = 0
    dropped: str | None = None
    steady: bool = False

    @property
    def p95(self) -> float:
        """Milliseconds that 95 of 100 frames took at most."""
        return float("inf") if self.window is None else percentile(self.window.ms, 95)

    @property
    def fps(self) -> float:
        """Frames a second of all workers; 0 if it did not run."""
        return 0.0 if self.window is None else self.window.fps * self.combination.batch

    def point(self) -> tuple[float, float]:
        """p95 and mIoU of one that was measured to the end."""
        assert self.miou is not None
        return self.p95, self.miou


def tune(
    choices: Sequence[Combination], dataset: Dataset, frames: Frames, budget: Budget, *, say: Callable[[str], None]
) -> list[Trial]:
    """Measures all combinations; if none gets to the end, the nearest is measured all the same, to have figures of one.

    Args:
        choices: the combinations.
        dataset: labelled images, with the classes of every bundle.
        frames: that are timed, each (H, W, 3), uint8, BGR.
        budget: what they must keep.
        say: called with what is being done.
    """
    judge = _Judge(dataset)
    trials = []
    for number, combination in enumerate(choices, start=1):
        say(f"{number} of {len(choices)}: {combination.name}")
        trials.append(_try(combination, judge, frames, budget))
    if all(trial.dropped for trial in trials):
        near = min(trials, key=lambda trial: budget.missed(trial.p95, trial.miou))
        if near.window is not None:
            say(f"nothing fits: {near.combination.name}, the nearest, to the end")
            trials[trials.index(near)] = _try(near.combination, judge, frames, None)
    return trials


def frames_of(dataset: Dataset, video: Path | None) -> Frames:
    """Frames to time, each (H, W, 3), uint8, BGR: of a video, or images of the data set.

    Raises:
        SourceError: the video cannot be opened.
    """
    if video is None:
        return [dataset.frame(place) for place in spread(len(dataset), FRAMES)]
    with open_source(video) as source:
        return [frame.image for frame in islice(source, FRAMES)]


class _Judge:
    """Accuracy of a combination, on a few images or on all; measured once for all numbers of threads."""

    def __init__(self, dataset: Dataset) -> None:
        self.few = replace(dataset, pairs=tuple(dataset.pairs[place] for place in spread(len(dataset), SUBSET)))
        self.all = dataset
        self._known: dict[tuple[Any, ...], float] = {}

    def miou(self, combination: Combination, dataset: Dataset) -> float:
        """mIoU in percent on one of the two."""
        folder, sha256 = combination.bundle.folder, combination.artifact.sha256
        key = folder, combination.engine, sha256, combination.size, len(dataset)
        if key not in self._known:
            model = combination.open(threads=1)
            self._known[key] = evaluate(model, dataset).miou
            model.close()
        return self._known[key]


def _try(combination: Combination, judge: _Judge, frames: Frames, budget: Budget | None) -> Trial:
    """One combination, up to the first step that it fails; without a budget it fails none."""
    try:
        return _measured(combination, judge, frames, budget)
    except (EngineError, FrameError) as error:  # the frames are in order: it is the logits that are no numbers
        return Trial(combination, dropped=str(error))


def _measured(combination: Combination, judge: _Judge, frames: Frames, budget: Budget | None) -> Trial:
    model = combination.open(combination.threads)
    try:
        if combination.batch > model.batch:
            most = f"{model.batch} frame{'s' * (model.batch > 1)}"
            return Trial(combination, dropped=f"{combination.engine} takes {most} at a time")
        _window(model, combination, frames, 0)  # memory is mapped, code is loaded
        short = _window(model, combination, frames, SHORT)
        if budget is not None and short.p50 > FAR * budget.max_latency_ms:
            return Trial(combination, short, dropped=f"too slow: median {short.p50:.1f} ms in a short window")
        if budget is not None and len(judge.few) < len(judge.all):
            estimate = judge.miou(combination, judge.few)
            if not estimate >= budget.min_miou - MARGIN:
                why = f"not accurate enough: mIoU {estimate:.1f} % on {len(judge.few)} images"
                return Trial(combination, short, estimate, len(judge.few), why)
        windows, steady = repeat(
            lambda: _window(model, combination, frames, LONG),
            lambda window: window.p50,
            most=MOST,
        )
    finally:
        model.close()
    return Trial(combination, _joined(windows), judge.miou(combination, judge.all), len(judge.all), steady=steady)


def _window(model: Segmenter, combination: Combination, frames: Frames, count: int) -> Window:
    """One window of so many frames, at least; of a batch its calls, as each is the latency of its frames."""
    workers, batch = combination.workers, combination.batch
    calls = max(-(-count // batch), 2 * workers)
    if batch == 1:
        return engine.measure(model, frames, frames=calls, workers=workers)
    groups = [[frames[(first + place) % len(frames)] for place in range(batch)] for first in range(len(frames))]
    return engine.measure(model.masks, groups, frames=calls, workers=workers)


def _joined(windows: Sequence[Window]) -> Window:
    return Window(
        tuple(sample for window in windows for sample in window.ms),
        sum(window.seconds for window in windows),
        sum(window.core_seconds for window in windows),
    )
