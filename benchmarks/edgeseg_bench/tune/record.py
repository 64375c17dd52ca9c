"""What `edgeseg tune` measured, as JSON, and the choice as a settings file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from edgeseg.accuracy.dataset import Dataset
from edgeseg.artifact import SHIPPED
from edgeseg.processor import available_cores, processor
from edgeseg.run_settings import WHAT, RunSettings
from edgeseg_bench import machine
from edgeseg_bench.tune.search import INCLUDED, Budget, Frames, Trial

FORMAT = 1


def facts(dataset: Dataset, frames: Frames, budget: Budget, warnings: Sequence[str]) -> dict[str, Any]:
    """What all figures have in common."""
    return {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine.machine(),
        "versions": machine.versions(),
        "warnings": list(warnings),
        "budget": {"max_p95_ms": budget.max_latency_ms, "min_miou": budget.min_miou},
        "data": {"split": dataset.split, "images": len(dataset), "sha256": dataset.digest},
        "frame": {"width": frames[0].shape[1], "height": frames[0].shape[0]},
        "included": INCLUDED,
    }


def result(trials: Sequence[Trial], common: dict[str, Any], skipped: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Everything that was measured."""
    figures = [to_json(trial) for trial in trials]
    return {"format": FORMAT, "what": f"{WHAT}, figures", **common, "trials": figures, "skipped": list(skipped)}


def settings(trial: Trial, common: dict[str, Any]) -> RunSettings:
    """The choice, for `edgeseg run --settings`."""
    combination = trial.combination
    folder = combination.bundle.folder
    return RunSettings(
        bundle=folder.name if folder.parent == SHIPPED else str(folder.resolve()),
        engine=combination.engine,
        precision=combination.artifact.precision,
        sha256=combination.artifact.sha256,
        width=combination.size[0],
        height=combination.size[1],
        threads=combination.threads,
        workers=combination.workers,
        batch=combination.batch,
        processor=processor(),
        cores=available_cores(),
        measured={**to_json(trial), **common},
    )


def to_json(trial: Trial) -> dict[str, Any]:
    """A trial's figures; null for what was not measured."""
    combination, window = trial.combination, trial.window
    return {
        "bundle": combination.bundle_name,
        "engine": combination.engine,
        "precision": combination.artifact.precision,
        "sha256": combination.artifact.sha256,
        "width": combination.size[0],
        "height": combination.size[1],
        "threads": combination.threads,
        "workers": combination.workers,
        "batch": combination.batch,
        "p50_ms": None if window is None else window.p50,
        "p95_ms": None if window is None else trial.p95,
        "fps": None if window is None else trial.fps,
        "frames": 0 if window is None else len(window.ms) * combination.batch,
        "steady": trial.steady,
        "miou": None if trial.miou is None or math.isnan(trial.miou) else trial.miou,
        "images": trial.images,
        "dropped": trial.dropped,
    }
