"""One artifact in one engine, measured in every way: the first mask, accuracy, golden frames, flicker, speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate
from edgeseg.bundle import Bundle
from edgeseg.candidate import Candidate
from edgeseg.counted import counted
from edgeseg.errors import EngineError, UsageError
from edgeseg.processor import available_cores
from edgeseg.proof import ask, least, shortfall
from edgeseg.segmenter import Segmenter, load
from edgeseg.video.open import open_source
from edgeseg.video.options import Mode, engine_threads
from edgeseg_bench import capture, engine, first_mask, flicker, network, pipeline
from edgeseg_bench.energy.meter import Meter
from edgeseg_bench.windows import Window, agree, figures, repeat


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
class Job:
    """What all runs share.

    Attributes:
        bundle: the network.
        video: a video file.
        camera_fps: frames a second of the camera that the video plays.
        settings: how it is measured.
        meters: of energy; none where the machine has none.
        idle_watts: of the machine at rest; None without meters.
        named: an engine was asked for by name; else one that gives wrong masks is left out.
    """

    bundle: Bundle
    video: Path
    camera_fps: float
    settings: Settings
    meters: list[Meter]
    idle_watts: float | None
    named: bool

    def run(self, candidate: Candidate, say: Callable[[str], None]) -> dict[str, Any]:
        """One artifact in one engine, as an object of the result's "runs".

        Raises:
            EngineError: the engine refuses the artifact, fails, or gives wrong masks unasked.
        """
        bundle, video, settings = self.bundle, self.video, self.settings
        artifact = candidate.artifact
        threads = engine_threads(settings.mode)
        workers = 1 if settings.mode == "latency" else max(1, available_cores() // threads)
        say(f"{candidate}: first mask of a new process")
        cold = first_mask.measure(
            bundle.folder,
            video,
            engine=candidate.engine,
            precision=artifact.precision,
            mode=settings.mode,
            threads=threads,
        )
        accuracy = None
        if settings.dataset is not None:
            say(f"{candidate}: accuracy on {counted(len(settings.dataset), 'image')}")
            judge = load(bundle, engine=candidate.engine, artifact=artifact, threads=1)
            accuracy = evaluate(judge, settings.dataset).to_json()
            judge.close()
        model = load(bundle, engine=candidate.engine, artifact=artifact, threads=threads)
        try:
            say(f"{candidate}: golden frames")
            proof = ask(model, bundle.golden_frames())
            wrong = None if proof is None else shortfall(artifact, proof)
            if wrong is not None and not self.named:
                raise EngineError(wrong)
            say(f"{candidate}: flicker")
            with open_source(video) as source:
                steadiness = flicker.measure(model, islice(source, settings.frames))
            say(f"{candidate}: engine alone")
            inference = self._engine(model, workers)
            say(f"{candidate}: pipeline")
            flat_out = self._pipeline(model)
            say(f"{candidate}: camera to mask")
            camera = self._camera(model)
            say(f"{candidate}: stream to mask")
            streamed = self._stream(model)
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
            "measured": {
                "engine": inference,
                "pipeline": flat_out,
                "capture_to_mask": camera,
                "stream_to_mask": streamed,
            },
        }

    def _engine(self, model: Segmenter, workers: int) -> dict[str, Any]:
        tensors = engine.tensors_of(model, self.video)
        engine.measure(model.infer, tensors, frames=len(tensors), workers=workers)  # memory is mapped, code is loaded
        windows, steady = repeat(
            lambda: engine.measure(model.infer, tensors, frames=self.settings.frames, workers=workers),
            lambda window: window.p50,
            most=self.settings.windows,
        )
        return _measured(windows, steady, engine.INCLUDED, engine.EXCLUDED)

    def _pipeline(self, model: Segmenter) -> dict[str, Any]:
        passes, steady = repeat(
            lambda: pipeline.measure(
                model, self.video, mode=self.settings.mode, max_frames=self.settings.frames, meters=self.meters
            ),
            lambda one: one.window.fps,
            most=self.settings.windows,
        )
        powers = [(one.watts, one.window.fps) for one in passes if one.watts is not None]
        energy = None
        if powers and self.idle_watts is not None:
            energy = {
                "watts": median(watts for watts, _ in powers),
                "joules_a_frame": median(watts / fps for watts, fps in powers),
                "joules_a_frame_above_idle": median((watts - self.idle_watts) / fps for watts, fps in powers),
            }
        measured = _measured([one.window for one in passes], steady, pipeline.INCLUDED, pipeline.EXCLUDED)
        return {**measured, **pipeline.summary(passes), "energy": energy}

    def _camera(self, model: Segmenter) -> dict[str, Any]:
        def play(fps: float, frames: int) -> capture.CameraWindow:
            return capture.measure(model, self.video, fps=fps, frames=frames, mode=self.settings.mode)

        frames = self.settings.frames
        windows, steady = repeat(
            lambda: play(self.camera_fps, frames), lambda one: one.window.p50, most=self.settings.windows
        )
        best, trials = capture.highest_rate(lambda fps: play(fps, capture.trial_frames(fps, frames)), self.camera_fps)
        measured = _measured([one.window for one in windows], steady, capture.INCLUDED, capture.EXCLUDED)
        stages = {name: sum(one.stage_ms[name] for one in windows) / len(windows) for name in capture.STAGES}
        return {**measured, "camera_fps": self.camera_fps, "stage_ms": stages, "highest_fps": best, "trials": trials}

    def _stream(self, model: Segmenter) -> dict[str, Any]:
        frames = self.settings.frames
        windows = network.measure(model, self.video, fps=self.camera_fps, frames=frames, mode=self.settings.mode)
        measured = _measured(windows, agree([window.p50 for window in windows]), network.INCLUDED, network.EXCLUDED)
        return {**measured, "camera_fps": self.camera_fps}


def _measured(windows: Sequence[Window], steady: bool, included: str, excluded: str) -> dict[str, Any]:
    return {
        "included": included,
        "excluded": excluded,
        "figures": figures(windows),
        "steady": steady,
        "windows": [window.to_json() for window in windows],
    }
