"""How much of the machine a stream uses: `python -m edgeseg.benchmarks.pipeline VIDEO [--bundle B] [--json FILE]`.

    efficiency = fps x (core-seconds a frame of decoding + prepare + infer + kernel, each measured alone) / cores

1 means that every core did nothing but this work. Every repeat measures each stage alone and then the stream flat
out, so that a machine that slows down does so for both; medians over the repeats are given. Run it on an idle machine.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Annotated, Any

from cyclopts import App, Parameter

from edgeseg.atomic import atomic_file
from edgeseg.segmenter import Segmenter, load
from edgeseg.video.cores import available_cores
from edgeseg.video.pipeline import stream
from edgeseg.video.source import open_source

STAGES = ("decode", "prepare", "infer", "kernel")
SAMPLE = 60
"""Frames that each stage is measured on alone."""

app = App(name="python -m edgeseg.benchmarks.pipeline", help="Efficiency of the video pipeline.")


def core_seconds(work: Callable[[Any], object], items: Iterable[Any]) -> tuple[float, list[Any]]:
    """CPU time that `work` takes an item, in seconds, over all threads of this process; and what it returned."""
    started = time.process_time()
    results = [work(item) for item in items]
    return (time.process_time() - started) / len(results), results


def stages_alone(model: Segmenter, video: Path) -> dict[str, float]:
    """Core-seconds a frame of each stage, one after the other in one thread."""
    with open_source(video) as source:
        next(source)  # its decoder has started
        decode, frames = core_seconds(lambda frame: frame.image, islice(source, SAMPLE))
    height, width = frames[0].shape[:2]
    tensor = model.prepare(frames[0]).copy()
    mask = model.mask(model.infer(tensor), width, height)
    prepare, _ = core_seconds(lambda frame: model.prepare(frame, out=tensor), frames)
    tensors = [model.prepare(frame) for frame in frames]
    infer, logits = core_seconds(model.infer, tensors)
    kernel, _ = core_seconds(lambda answer: model.mask(answer, width, height, out=mask), logits)
    return dict(zip(STAGES, (decode, prepare, infer, kernel), strict=True))


def measure(model: Segmenter, video: Path, workers: int) -> dict[str, Any]:
    """One repeat: the stages alone, then the stream."""
    alone = stages_alone(model, video)
    running = stream(model, video, workers=workers)
    started = time.process_time()
    for _ in running:
        pass
    spent = (time.process_time() - started) / running.stats.frames
    total = sum(alone.values())
    return {
        "core_ms": {name: 1e3 * seconds for name, seconds in alone.items()},
        "stream_core_ms": 1e3 * spent,
        "fps": running.stats.fps,
        "efficiency": running.stats.fps * total / workers,
        "overhead": spent / total - 1,
        "capture_to_mask": running.stats.capture_to_mask.summary(),
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
        workers: single-threaded workers; as many as cores by default, and the cores that efficiency counts.
        repeats: how often.
        json_file: write the figures here too.
    """
    workers = workers or available_cores()
    model = load(bundle, threads=1)
    measured = [measure(model, video, workers) for _ in range(repeats)]
    report = {
        "video": video.name,
        "bundle": model.spec.name,
        "machine": platform.processor() or platform.machine(),
        "cores": workers,
        "core_ms": {name: median(one["core_ms"][name] for one in measured) for name in STAGES},
        **{key: median(one[key] for one in measured) for key in ("stream_core_ms", "fps", "efficiency", "overhead")},
        "repeats": measured,
    }
    text = json.dumps(report, indent=2)
    print(text)
    if json_file is not None:
        with atomic_file(json_file) as temporary:
            temporary.write_text(text + "\n")


if __name__ == "__main__":
    app()
