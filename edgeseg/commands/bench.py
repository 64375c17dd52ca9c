"""`edgeseg bench`, `edgeseg bench compare` and `edgeseg bench batch`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cyclopts import App

from edgeseg.artifact import Precision

app = App(name="bench", help="Measure a bundle on this machine, or compare two results.")


@app.default
def bench(
    bundle: str = "road",
    *,
    engine: str = "onnxruntime",
    source: Path | None = None,
    mode: Literal["latency", "throughput"] = "throughput",
    data: Path | None = None,
    split: str | None = None,
    json: Path | None = None,
    html: Path | None = None,
    fps: float | None = None,
    frames: int = 200,
    windows: int = 12,
) -> int:
    """Measure a bundle on this machine: the engine alone, the pipeline at full speed, and camera to mask.

    Windows are repeated until the medians of three in a row agree within 10 %; no outlier is removed.

    Args:
        bundle: the network: the name of one that comes with edgeseg, or a path.
        engine: the runtime, or "all" for every artifact of the bundle in every runtime that is installed.
        source: a video file; the street clip of the extra "demo" by default.
        mode: throughput works on several frames at once, latency on one with all cores.
        data: a labelled data set: measure accuracy too, through each engine.
        split: which part of the data set; val by default, if it has splits.
        json: write the result here.
        html: write a page with tables and charts here.
        fps: frames a second of the camera that the video plays, instead of the video's own.
        frames: frames per window, at most.
        windows: windows to measure, at most.
    """
    from edgeseg.accuracy.dataset import check_split
    from edgeseg.atomic import check_outputs, write_text
    from edgeseg.bundle import Bundle
    from edgeseg.terminal import make_console
    from edgeseg_bench import result, suite
    from edgeseg_bench.job import Settings
    from edgeseg_bench.labelled import open_labelled
    from edgeseg_bench.report.page import page
    from edgeseg_bench.report.table import tables
    from edgeseg_bench.street_clip import street_clip

    check_outputs(json, html)
    check_split(split, data)
    dataset = open_labelled(data, split) if data is not None else None
    settings = Settings(mode=mode, frames=frames, windows=windows, fps=fps, dataset=dataset)
    console = make_console(stderr=True)
    with console.status("bench") as status:
        measured = suite.measure(
            Bundle.open(bundle), source or street_clip(), engine_name=engine, settings=settings, say=status.update
        )
    if json is not None:
        write_text(json, result.to_text(measured))
    if html is not None:
        write_text(html, page(measured))
    make_console().print(tables(measured))
    return 0


@app.command
def batch(
    bundle: str,
    *,
    engine: str = "onnxruntime",
    precision: Precision | None = None,
    source: Path | None = None,
    mode: Literal["latency", "throughput"] = "throughput",
    windows: int = 7,
    json: bool = False,
) -> int:
    """Measure throughput and latency against the pictures that the engine is given at once.

    Args:
        bundle: one that was exported with --batch.
        engine: the runtime, as for run, but onnxruntime by default.
        precision: the artifact's precision, as for run.
        source: a video file; the street clip of the extra "demo" by default.
        mode: throughput calls the engine from every core at once, latency from one thread with all cores.
        windows: windows to measure for each number of pictures.
        json: print one JSON object on stdout, and nothing else.
    """
    from edgeseg.json_fields import print_json
    from edgeseg.segmenter import load
    from edgeseg.terminal import make_console
    from edgeseg.video.options import StreamOptions, engine_threads
    from edgeseg_bench.batches import measure_batches, table, to_json
    from edgeseg_bench.street_clip import street_clip

    model = load(bundle, engine=engine, precision=precision, threads=engine_threads(mode))
    workers = StreamOptions(mode=mode).frames_at_once(model.threads)
    with make_console(stderr=True).status("bench") as status:
        figures = measure_batches(model, source or street_clip(), workers=workers, windows=windows, say=status.update)
    if json:
        about = {"bundle": model.spec.name, "engine": str(model.candidate), "workers": workers}
        print_json({**about, "threads": model.threads, "batches": to_json(figures)})
    else:
        threads = f"{model.threads} thread{'s' * (model.threads > 1)} each"
        what = f"{model.spec.name} in {model.candidate}: {workers} at a time on {threads}"
        make_console().print(table(figures, what))
    return 0


@app.command
def compare(old: Path, new: Path, *, max_slowdown: float = 5.0) -> int:
    """Compare two results of one machine; exit code 1 if the new one is clearly slower.

    A figure is slower if the whole 95 % interval of its ratio lies above the limit.

    Args:
        old: what `edgeseg bench --json` wrote.
        new: the same, later.
        max_slowdown: how much slower is accepted, in percent.
    """
    from edgeseg.errors import DataError
    from edgeseg.json_fields import list_of
    from edgeseg.terminal import make_console, warn
    from edgeseg_bench import result
    from edgeseg_bench.compare import compare as compared
    from edgeseg_bench.compare import limit_of, table

    limit = limit_of(max_slowdown)
    before, after = result.read(old), result.read(new)
    changes = compared(before, after)
    make_console().print(table(changes, limit))
    for path, measured in ((old, before), (new, after)):
        for warning in list_of(measured, "warnings", str, where=str(path), error=DataError):
            warn(f"{path}: {warning}")
    return int(any(change.verdict(limit) == "slower" for change in changes))
