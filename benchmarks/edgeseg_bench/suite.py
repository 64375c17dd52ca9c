"""All measurements of a bundle on this machine, as one JSON object.

{
  "format": 1,
  "what": "edgeseg bench",
  "time": "2026-11-23T16:30:00+00:00",
  "machine": {...}, "versions": {...}, "condition": {"before": {...}, "after": {...}}, "warnings": [...],
  "bundle": {"name": "road", "sha256": of bundle.json},
  "source": {"name", "sha256", "width", "height", "frames", "fps"},
  "settings": {"mode", "frames", "windows", "camera_fps"},
  "energy": {"counters": [...], "idle_watts", "absent": [why, ...]},
  "runs": [{"engine", "artifact": {"file", "precision", "sha256"}, "workers", "threads", "accuracy", "first_mask",
            "golden": {"mask_agreement", "worst_frame", "shares", "ms", "least"} or null, "wrong": a sentence or null,
            "flicker": {"frames", "unchanged", "plain", "smooth": [{"weight", "flicker", "lag"}]},
            "measured": {"engine": {...}, "pipeline": {...}, "capture_to_mask": {...}, "stream_to_mask": {...}}}],
  "skipped": [{"engine", "reason"}]
}
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate
from edgeseg.bundle import INDEX, Bundle
from edgeseg.candidate import Candidate
from edgeseg.errors import EngineError, UsageError
from edgeseg.processor import available_cores
from edgeseg.proof import ask, least, shortfall
from edgeseg.segmenter import Segmenter, load
from edgeseg.video.file import VideoSource
from edgeseg.video.open import open_source
from edgeseg.video.options import Mode, engine_threads
from edgeseg.video.source import NOMINAL_FPS
from edgeseg_bench import capture, engine, first_mask, flicker, machine, network, pipeline
from edgeseg_bench.candidates import ALL, candidates
from edgeseg_bench.energy.meter import Meter, idle, open_meters
from edgeseg_bench.labelled import check_labelled
from edgeseg_bench.windows import Window, agree, figures, repeat

FORMAT = 1
WHAT = "edgeseg bench"


@dataclass(frozen=True)
class Settings:
    """What is measured, and for how long.

    Attributes:
        mode: "throughput" or "latency", as `edgeseg.stream` explains.
        frames: of a window; the pipeline stops there too, or at the end of the video.
        windows: bound on their number.
        fps: of the camera that the video plays; None for the video's own rate.
        dataset: labelled images, for accuracy through each engine; None for none.
    """

    mode: Mode
    frames: int
    windows: int
    fps: float | None
    dataset: Dataset | None

    def __post_init__(self) -> None:
        for name, value, fewest in (("frames", self.frames, 10), ("windows", self.windows, 3)):
            if value < fewest:
                raise UsageError(f"{name} is {value}, expected at least {fewest}: fewer say nothing")
        if self.fps is not None and not capture.LOWEST <= self.fps <= capture.HIGHEST:
            raise UsageError(f"fps is {self.fps:g}, expected {capture.LOWEST:g} to {capture.HIGHEST:g} frames a second")


@dataclass(frozen=True)
class _Job:
    """What all runs share; where nobody asked for an engine by name, one that gives wrong masks is left out."""

    bundle: Bundle
    video: Path
    camera_fps: float
    settings: Settings
    meters: list[Meter]
    idle_watts: float | None
    named: bool


def measure(
    bundle: Bundle, video: Path, *, engine_name: str, settings: Settings, say: Callable[[str], None]
) -> dict[str, Any]:
    """Measures every artifact that the engine reads, or all of them with every engine that is installed ("all").

    Args:
        bundle: the network.
        video: a video file.
        engine_name: a file name in edgeseg/engines, or "all".
        settings: how.
        say: called with what is being measured.

    Raises:
        EngineError: the engine is unknown, absent or refuses the artifact; of "all", no engine is left.
        BundleError: the bundle has no artifact for the engine.
        SourceError: the video cannot be opened.
        UsageError: it is no video file.
        DataError: the data set has other classes, or an image of it served for calibration.
    """
    source = _source(video)
    chosen, skipped = candidates(bundle, engine_name)
    if settings.dataset is not None:
        for _, artifact in chosen:
            check_labelled(bundle, artifact, settings.dataset)
    before = machine.condition()
    meters, absent = open_meters()
    idle_watts = idle(meters) if meters else None
    job = _Job(bundle, video, settings.fps or source["fps"], settings, meters, idle_watts, engine_name != ALL)
    runs = []
    for candidate in chosen:
        try:
            runs.append(_run(job, candidate, say))
        except EngineError as error:
            if engine_name != ALL:
                raise
            skipped.append({"engine": str(candidate), "reason": str(error)})
    if not runs:
        raise EngineError("no engine could be measured: " + "; ".join(each["reason"] for each in skipped))
    head = machine.result_head(WHAT, FORMAT, before)
    wrong = [f"{run['engine']} {run['artifact']['precision']}: {run['wrong']}" for run in runs if run["wrong"]]
    return {
        **head,
        "warnings": [*head["warnings"], *wrong],
        "bundle": {"name": bundle.spec.name, "sha256": _sha256(bundle.folder / INDEX)},
        "source": source,
        "settings": {
            "mode": settings.mode,
            "frames": settings.frames,
            "windows": settings.windows,
            "camera_fps": job.camera_fps,
        },
        "energy": {
            "counters": [name for meter in meters for name in meter.names],
            "idle_watts": idle_watts,
            "absent": absent,
        },
        "runs": runs,
        "skipped": skipped,
    }


def _run(job: _Job, candidate: Candidate, say: Callable[[str], None]) -> dict[str, Any]:
    """One artifact in one engine."""
    bundle, video, settings = job.bundle, job.video, job.settings
    artifact = candidate.artifact
    threads = engine_threads(settings.mode)
    workers = 1 if settings.mode == "latency" else max(1, available_cores() // threads)
    say(f"{candidate}: first mask of a new process")
    cold = first_mask.measure(
        bundle.folder, video, engine=candidate.engine, precision=artifact.precision, mode=settings.mode, threads=threads
    )
    accuracy = None
    if settings.dataset is not None:
        say(f"{candidate}: accuracy on {len(settings.dataset)} images")
        judge = load(bundle, engine=candidate.engine, artifact=artifact, threads=1)
        accuracy = evaluate(judge, settings.dataset).to_json()
        judge.close()
    model = load(bundle, engine=candidate.engine, artifact=artifact, threads=threads)
    try:
        say(f"{candidate}: golden frames")
        proof = ask(model, bundle.golden_frames())
        wrong = None if proof is None else shortfall(artifact, proof)
        if wrong is not None and not job.named:
            raise EngineError(wrong)
        say(f"{candidate}: flicker")
        with open_source(video) as source:
            steadiness = flicker.measure(model, islice(source, settings.frames))
        say(f"{candidate}: engine alone")
        inference = _engine(job, model, workers)
        say(f"{candidate}: pipeline")
        flat_out = _pipeline(job, model)
        say(f"{candidate}: camera to mask")
        camera = _camera(job, model)
        say(f"{candidate}: stream to mask")
        streamed = _stream(job, model)
    finally:
        model.close()
    return {
        "engine": candidate.engine,
        "artifact": {"file": artifact.file, "precision": artifact.precision, "sha256": artifact.sha256},
        "mode": settings.mode,
        "workers": workers,
        "threads": threads,
        "accuracy": accuracy,
        "golden": None if proof is None else {**proof.to_json(), "least": least(artifact)},
        "wrong": wrong,
        "flicker": steadiness,
        "first_mask": {**cold, "median_seconds": median(cold["seconds"])},
        "measured": {"engine": inference, "pipeline": flat_out, "capture_to_mask": camera, "stream_to_mask": streamed},
    }


def _engine(job: _Job, model: Segmenter, workers: int) -> dict[str, Any]:
    tensors = engine.tensors_of(model, job.video)
    engine.measure(model.infer, tensors, frames=len(tensors), workers=workers)  # memory is mapped, code is loaded
    windows, steady = repeat(
        lambda: engine.measure(model.infer, tensors, frames=job.settings.frames, workers=workers),
        lambda window: window.p50,
        most=job.settings.windows,
    )
    return _measured(windows, steady, engine.INCLUDED, engine.EXCLUDED)


def _pipeline(job: _Job, model: Segmenter) -> dict[str, Any]:
    passes, steady = repeat(
        lambda: pipeline.measure(
            model, job.video, mode=job.settings.mode, max_frames=job.settings.frames, meters=job.meters
        ),
        lambda one: one.window.fps,
        most=job.settings.windows,
    )
    powers = [(one.watts, one.window.fps) for one in passes if one.watts is not None]
    energy = None
    if powers and job.idle_watts is not None:
        energy = {
            "watts": median(watts for watts, _ in powers),
            "joules_a_frame": median(watts / fps for watts, fps in powers),
            "joules_a_frame_above_idle": median((watts - job.idle_watts) / fps for watts, fps in powers),
        }
    measured = _measured([one.window for one in passes], steady, pipeline.INCLUDED, pipeline.EXCLUDED)
    return {**measured, **pipeline.summary(passes), "energy": energy}


def _camera(job: _Job, model: Segmenter) -> dict[str, Any]:
    def play(fps: float, frames: int) -> capture.CameraWindow:
        return capture.measure(model, job.video, fps=fps, frames=frames, mode=job.settings.mode)

    frames = job.settings.frames
    windows, steady = repeat(
        lambda: play(job.camera_fps, frames), lambda one: one.window.p50, most=job.settings.windows
    )
    best, trials = capture.highest_rate(lambda fps: play(fps, capture.trial_frames(fps, frames)), job.camera_fps)
    measured = _measured([one.window for one in windows], steady, capture.INCLUDED, capture.EXCLUDED)
    stages = {name: sum(one.stage_ms[name] for one in windows) / len(windows) for name in capture.STAGES}
    return {**measured, "camera_fps": job.camera_fps, "stage_ms": stages, "highest_fps": best, "trials": trials}


def _stream(job: _Job, model: Segmenter) -> dict[str, Any]:
    frames = job.settings.frames
    windows = network.measure(model, job.video, fps=job.camera_fps, frames=frames, mode=job.settings.mode)
    measured = _measured(windows, agree([window.p50 for window in windows]), network.INCLUDED, network.EXCLUDED)
    return {**measured, "camera_fps": job.camera_fps}


def _measured(windows: Sequence[Window], steady: bool, included: str, excluded: str) -> dict[str, Any]:
    return {
        "included": included,
        "excluded": excluded,
        "figures": figures(windows),
        "steady": steady,
        "windows": [window.to_json() for window in windows],
    }


def _source(video: Path) -> dict[str, Any]:
    with open_source(video) as source:
        if not isinstance(source, VideoSource):
            raise UsageError(f"{video} is no video file, expected one of a few hundred frames; a camera plays from it")
        if source.frame_count == 1:
            raise UsageError(f"{video} has one frame, expected a video of a few hundred; give another")
        if source.width < network.SMALLEST[0] or source.height < network.SMALLEST[1]:
            raise UsageError(
                f"{video} is {source.width}x{source.height}, expected at least "
                f"{network.SMALLEST[0]}x{network.SMALLEST[1]}: frames get a number; give a larger video"
            )
        return {
            "name": video.name,
            "sha256": _sha256(video),
            "width": source.width,
            "height": source.height,
            "frames": source.frame_count,
            "fps": float(source.fps or NOMINAL_FPS),
        }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
