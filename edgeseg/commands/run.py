"""`edgeseg run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgeseg.json_fields import print_json

if TYPE_CHECKING:
    from edgeseg.bundle import Bundle

Precision = Literal["fp32", "fp16", "int8", "int8-7bit"]


def run_command(
    source: str,
    *,
    bundle: str | None = None,
    engine: str | None = None,
    precision: Precision | None = None,
    out: Path | None = None,
    masks: Path | None = None,
    show: bool = False,
    max_frames: int | None = None,
    mode: Literal["throughput", "latency"] | None = None,
    workers: int | None = None,
    threads: int | None = None,
    settings: Path | None = None,
    alpha: float = 0.5,
    timeout: float = 10.0,
    json: bool = False,
) -> int:
    """Segment a video, camera, stream, image or folder of images.

    Without --out, --masks or --show the frames are segmented and timed, and nothing is kept.

    Args:
        source: a video or image file, a folder of images, a camera's number, a URL, or a GStreamer pipeline.
        bundle: the network: the name of one that comes with edgeseg (road by default), or a path.
        engine: the runtime: onnxruntime, onnxruntime:cuda, onnxruntime:tensorrt, openvino or tensorrt; auto (by
            default) takes what measured fastest here, among onnxruntime and openvino and the precisions that keep the
            accuracy.
        precision: of the artifact; by default auto's choice, or the first that the bundle has for the runtime.
        out: write the overlays here: .mp4 or .mkv; for a single image .png or .jpg.
        masks: write the masks into this folder, as PNG whose grey levels are class ids.
        show: show the overlays in a window; q or Escape ends.
        max_frames: stop after so many frames.
        mode: throughput (by default) works on several frames at once, latency on one with all cores.
        workers: frames that are worked on at once, instead of what the mode says.
        threads: threads that each frame's inference runs on, instead of what the mode says.
        settings: a file of edgeseg tune, which says bundle, engine, precision, mode, workers and threads.
        alpha: weight of the class colours in an overlay, 0 to 1.
        timeout: seconds that a camera or URL may take to answer.
        json: print one JSON object on stdout, and nothing else.
    """
    from edgeseg.auto import AUTO
    from edgeseg.bundle import Bundle
    from edgeseg.run_settings import read_settings
    from edgeseg.segmenter import load
    from edgeseg.video.pipeline import engine_threads
    from edgeseg.video.run import run

    if settings is not None:
        said = {"bundle": bundle, "engine": engine, "precision": precision, "mode": mode, "workers": workers}
        chosen = read_settings(settings, {**said, "threads": threads})
        model, mode, workers = chosen.load(), chosen.mode, chosen.workers
    else:
        mode = mode or "throughput"
        threads = engine_threads(mode) if threads is None else threads
        opened = Bundle.open(bundle or "road")
        kind: str | None = precision
        if engine is None or engine == AUTO:
            engine, kind = _fastest(opened, precision, threads)
        model = load(opened, engine=engine, precision=kind, threads=threads)
    report = run(
        model,
        source,
        out=out,
        masks=masks,
        show=show,
        max_frames=max_frames,
        mode=mode,
        workers=workers,
        alpha=alpha,
        timeout=timeout,
        quiet=json,
    )
    if json:
        print_json(report.to_json())
    return 130 if report.interrupted else 0


def _fastest(bundle: Bundle, precision: str | None, threads: int) -> tuple[str, str]:
    """Runtime and precision of the engine auto, which says on stderr what it took and why."""
    from edgeseg.auto import choose
    from edgeseg.cache import tell

    choice = choose(bundle, threads=threads, precision=precision, say=tell)
    if choice.measured or choice.left_out:
        tell(f"engine auto: {choice}")
    return choice.engine, choice.precision
