"""How much of the machine a stream uses: `python -m edgeseg_bench.pipeline VIDEO [--bundle B] [--json FILE]`.

    efficiency = fps x (core-seconds a frame of decoding + prepare + infer + kernel, each measured alone) / cores

1 means that every core did nothing but this work. Every repeat measures each stage alone and then the stream flat
out, so that a machine that slows down does so for both; medians over the repeats are given. Run it on an idle machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Annotated, Any

from cyclopts import App, Parameter

from edgeseg.atomic import write_text
from edgeseg.errors import UsageError
from edgeseg.processor import available_cores
from edgeseg.segmenter import Segmenter, load
from edgeseg.video.open import open_source
from edgeseg.video.options import Mode
from edgeseg.video.pipeline import stream
from edgeseg_bench.energy.meter import Meter, metered
from edgeseg_bench.machine import processor
from edgeseg_bench.windows import Window, medians

INCLUDED = "a file to masks, flat out: decoding, resize, engine, arg-max, hand-over, all at once"
EXCLUDED = "opening the file, display, recording"

STAGES = ("decode", "prepare", "infer", "kernel")
SAMPLE = 60
"""Frames that each stage is measured on alone."""

app = App(name="python -m edgeseg_bench.pipeline", help="Efficiency of the video pipeline.")


@dataclass(frozen=True)
class Pass:
    """One window of the pipeline.

    Attributes:
        alone: core-seconds a frame of each of STAGES, measured alone just before.
        cores: that the stream was given.
        window: the stream; latency counts from the moment at which reading a frame begins.
        watts: mean power meanwhile; None without counters, or where it was too short for them.
    """

    alone: dict[str, float]
    cores: int
    window: Window
    watts: float | None

    @property
    def efficiency(self) -> float:
        """Share of the cores' time that went into the work itself."""
        return self.window.fps * sum(self.alone.values()) / self.cores

    @property
    def overhead(self) -> float:
        """Processor time that the stream took beyond the stages alone, as a share of theirs."""
        return self.window.core_seconds / len(self.window.ms) / sum(self.alone.values()) - 1


def core_seconds(work: Callable[[Any], object], items: Iterable[Any]) -> tuple[float, list[Any]]:
    """CPU time that `work` takes an item, in seconds, over all threads of this process; and what it returned."""
    start = time.process_time()
    results = [work(item) for item in items]
    return (time.process_time() - start) / len(results), results


def stages_alone(model: Segmenter, video: Path) -> dict[str, float]:
    """Core-seconds a frame of each stage, one after the other in one thread.

    Raises:
        SourceError: the video cannot be opened.
        UsageError: it has a single frame.
    """
    with open_source(video) as source:
        next(source)  # its decoder has started
        start = time.process_time()
        frames = [frame.image for frame in islice(source, SAMPLE)]
        spent = time.process_time() - start
    if not frames:
        raise UsageError(f"{video} has one frame, expected a video of at least a few hundred; give another")
    decode = spent / len(frames)
    height, width = frames[0].shape[:2]
    tensor = model.prepare(frames[0]).copy()
    mask = model.mask(model.infer(tensor), width, height)
    prepare, _ = core_seconds(lambda frame: model.prepare(frame, out=tensor), frames)
    tensors = [model.prepare(frame) for frame in frames]
    infer, logits = core_seconds(model.infer, tensors)
    kernel, _ = core_seconds(lambda answer: model.mask(answer, width, height, out=mask), logits)
    return dict(zip(STAGES, (decode, prepare, infer, kernel), strict=True))


def measure(
    model: Segmenter,
    video: Path,
    *,
    mode: Mode = "throughput",
    workers: int | None = None,
    max_frames: int | None = None,
    meters: Sequence[Meter] = (),
) -> Pass:
    """One window: the stages alone, then the stream flat out.

    Args:
        model: best loaded with `engine_threads(mode)` threads.
        video: a video file.
        mode: as `edgeseg.stream` explains.
        workers: frames that are worked on at once, instead of what the mode says.
        max_frames: stop after so many.
        meters: energy counters.
    """
    alone = stages_alone(model, video)
    running = stream(model, video, mode=mode, workers=workers, max_frames=max_frames)
    with metered(meters) as power:
        start = time.process_time()
        samples = tuple(1e3 * (result.done - result.captured) for result in running)
        spent = time.process_time() - start
    window = Window(samples, running.stats.frames / running.stats.fps, spent)
    return Pass(alone, min(available_cores(), running.workers * model.threads), window, power.watts)


def summary(passes: Sequence[Pass]) -> dict[str, Any]:
    """Medians over the windows: core-milliseconds a frame of the stages and of the stream, efficiency, overhead."""
    return {
        "cores": passes[0].cores,
        "stage_core_ms": medians([{name: 1e3 * seconds for name, seconds in one.alone.items()} for one in passes]),
        "stream_core_ms": median(1e3 * one.window.core_seconds / len(one.window.ms) for one in passes),
        "fps": median(one.window.fps for one in passes),
        "efficiency": median(one.efficiency for one in passes),
        "overhead": median(one.overhead for one in passes),
    }


@app.default
def main(
    video: Path,
    *,
    bundle: str = "road",
    workers: int | None = None,
    repeats: int = 3,
    json_file: Annotated[Path | None, Parameter("--json")] = None,
) -> None:
    """Measure the stages alone and the stream, and print the medians as JSON.

    Args:
        video: a video file of at least a few hundred frames.
        bundle: the network: the name of one that comes with edgeseg, or a path.
        workers: single-threaded workers; as many as cores by default.
        repeats: how often.
        json_file: write the figures here too.
    """
    model = load(bundle, threads=1)
    passes = [measure(model, video, workers=workers) for _ in range(repeats)]
    report = {
        "video": video.name,
        "bundle": model.spec.name,
        "machine": processor(),
        **summary(passes),
        "repeats": [summary([one]) for one in passes],
    }
    text = json.dumps(report, indent=2)
    print(text)
    if json_file is not None:
        write_text(json_file, text + "\n")


if __name__ == "__main__":
    app()
