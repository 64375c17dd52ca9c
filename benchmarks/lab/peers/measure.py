"""All races of a result, as one JSON object.

{
  "format": 1,
  "what": "edgeseg peers",
  "time": "2026-11-23T18:30:00+00:00",
  "machine": {...}, "versions": {...}, "condition": {"before": {...}, "after": {...}}, "warnings": [...],
  "bundle": "road", "artifacts": {"fp32": sha256, "int8": sha256},
  "limits": {"frames", "seconds", "rounds"},
  "races": [{"video", "width", "height", "overlay",
             "contenders": [{"name", "precision", "note", "software", "agreement", "rival", "fps", "core_ms",
                             "time_over_ours": {"fp32": {"median", "rounds": [...]}, "int8": {...}}}]}],
  "absent": {"name precision": why},
  "ours": {"fp32": {"engine": "onnxruntime", "stage_core_ms": {"decode", "prepare", "infer", "kernel"}}, "int8": {...}}
}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edgeseg.auto import AUTO
from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError
from edgeseg.processor import available_cores
from edgeseg.segmenter import load
from edgeseg.video.open import open_source
from edgeseg_bench import machine
from edgeseg_bench.pipeline import stages_alone
from lab.peers.contenders import OURS, Contender
from lab.peers.entries import TARGET, Limits, Paddock
from lab.peers.race import Entry, Standing, race

FORMAT = 1
WHAT = "edgeseg peers"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Course:
    """A video, and whether overlays are painted."""

    video: Path
    overlay: bool


def measure(
    paddock: Paddock, courses: Sequence[Course], chosen: Sequence[Contender], limits: Limits, rounds: int, say: Say
) -> dict[str, Any]:
    """Everybody on the first course; on the others those who do the same work as ours.

    Args:
        paddock: the bundle, made ready.
        courses: one or more.
        chosen: contenders, ours in fp32 first.
        limits: of a turn.
        rounds: turns of each.
        say: called with what is being done.

    Raises:
        EngineError: ours failed, or another one after its masks had been compared.
        SourceError: a video cannot be opened.
    """
    before = machine.condition()
    bundle, video = paddock.bundle, courses[0].video
    races = []
    absent: dict[str, str] = {}
    ours: dict[str, Any] = {}
    for course in courses:
        say("making ready")
        entries, missing = _entries(paddock, chosen, course, limits)
        standings, failed = race(entries, rounds=rounds, say=say)
        absent |= missing | failed
        own = {each.contender.precision: each for each in standings if each.contender.file == OURS}
        races.append(_to_json(course, standings, own))
        if course == courses[0]:
            say("our stages, each alone")
            ours = {precision: _stages(bundle, precision, video) for precision in own}
        chosen = [each.contender for each in standings if each.rival or each.contender.file == OURS]
    after = machine.condition()
    return {
        "format": FORMAT,
        "what": WHAT,
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine.machine(),
        "versions": machine.versions(),
        "condition": {"before": before, "after": after},
        "warnings": machine.warnings(before, after, available_cores()),
        "bundle": bundle.spec.name,
        "artifacts": {each.precision: each.sha256 for each in bundle.artifacts if each.target == TARGET},
        "limits": {"frames": limits.frames, "seconds": limits.seconds, "rounds": rounds},
        "races": races,
        "absent": absent,
        "ours": ours,
    }


def _entries(
    paddock: Paddock, chosen: Sequence[Contender], course: Course, limits: Limits
) -> tuple[list[Entry], dict[str, str]]:
    """Who can start, and why the others cannot."""
    entries, missing = [], {}
    for contender in chosen:
        try:
            entries.append(paddock.entry(contender, course.video, course.overlay, limits))
        except EngineError as error:
            missing[contender.name] = str(error)
    return entries, missing


def _to_json(course: Course, standings: Sequence[Standing], own: dict[str, Standing]) -> dict[str, Any]:
    with open_source(course.video) as opened:
        return {
            "video": course.video.name,
            "width": opened.width,
            "height": opened.height,
            "overlay": course.overlay,
            "contenders": [each.to_json(own) for each in standings],
        }


def _stages(bundle: Bundle, precision: str, video: Path) -> dict[str, Any]:
    """What engine "auto" took, and core-milliseconds a frame of decoding, resize, network and kernel, each alone."""
    model = load(bundle, engine=AUTO, precision=precision, threads=1)
    assert model.candidate is not None
    alone = stages_alone(model, video)
    model.close()
    return {"engine": model.candidate.engine, "stage_core_ms": {name: 1e3 * taken for name, taken in alone.items()}}
