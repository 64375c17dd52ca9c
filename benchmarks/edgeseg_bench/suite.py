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
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeseg.bundle import Bundle
from edgeseg.bundle_index import INDEX
from edgeseg.errors import EngineError, UsageError
from edgeseg.video.file import VideoSource
from edgeseg.video.open import open_source
from edgeseg.video.source import NOMINAL_FPS
from edgeseg_bench import machine, network
from edgeseg_bench.candidates import ALL, candidates
from edgeseg_bench.energy.meter import idle, open_meters
from edgeseg_bench.job import Job, Settings
from edgeseg_bench.labelled import check_labelled
from edgeseg_bench.report.table import artifact_of

FORMAT = 1
WHAT = "edgeseg bench"


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
    job = Job(bundle, video, settings.fps or source["fps"], settings, meters, idle_watts, engine_name != ALL)
    runs = []
    for candidate in chosen:
        try:
            runs.append(job.run(candidate, say))
        except EngineError as error:
            if engine_name != ALL:
                raise
            skipped.append({"engine": str(candidate), "reason": str(error)})
    if not runs:
        raise EngineError("no engine could be measured: " + "; ".join(each["reason"] for each in skipped))
    head = machine.result_head(WHAT, FORMAT, before)
    wrong = [f"{artifact_of(run)}: {run['wrong']}" for run in runs if run["wrong"]]
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
