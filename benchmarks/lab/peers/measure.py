"""The figures of all workloads, as one JSON object.

{
  "format": 1,
  "what": "edgeseg peers",
  "time": "2026-11-23T18:30:00+00:00",
  "machine": {...}, "versions": {...}, "condition": {"before": {...}, "after": {...}}, "warnings": [...],
  "bundle": "road", "artifacts": {"fp32": sha256, "int8": sha256},
  "limits": {"frames", "seconds", "rounds"},
  "workloads": [{"video", "width", "height", "overlay",
                 "peers": [{"name", "precision", "note", "software", "agreement", "comparable", "fps", "core_ms",
                            "time_over_ours": {"fp32": {"median", "rounds": [...]}, "int8": {...}}}]}],
  "absent": {"name precision": why},
  "ours": {"fp32": {"engine": "onnxruntime", "stage_core_ms": {"decode", "prepare", "infer", "kernel"}}, "int8": {...}}
}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeseg.auto import AUTO
from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError
from edgeseg.segmenter import load
from edgeseg.video.open import open_source
from edgeseg_bench import machine
from edgeseg_bench.pipeline import stages_alone
from lab.peers.peer import OURS, Peer
from lab.peers.preparation import TARGET, Limits, Preparation
from lab.peers.rounds import Job, PeerResult, run_rounds

FORMAT = 1
WHAT = "edgeseg peers"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Workload:
    """A video, and whether overlays are painted."""

    video: Path
    overlay: bool


def measure(
    preparation: Preparation,
    workloads: Sequence[Workload],
    peers: Sequence[Peer],
    limits: Limits,
    rounds: int,
    say: Say,
) -> dict[str, Any]:
    """Measures all peers on the first workload, and on the others those that do the same work as ours.

    Args:
        preparation: of the bundle.
        workloads: one or more.
        peers: ours in fp32 first.
        limits: of a turn.
        rounds: turns of each.
        say: called with what is being done.

    Raises:
        EngineError: ours failed, or another one after its masks had been compared.
        SourceError: a video cannot be opened.
    """
    before = machine.condition()
    bundle, video = preparation.bundle, workloads[0].video
    figures = []
    absent: dict[str, str] = {}
    ours: dict[str, Any] = {}
    for workload in workloads:
        say("preparing")
        jobs, missing = _jobs(preparation, peers, workload, limits)
        results, failed = run_rounds(jobs, rounds=rounds, say=say)
        absent |= missing | failed
        own = {each.peer.precision: each for each in results if each.peer.file == OURS}
        figures.append(_to_json(workload, results, own))
        if workload == workloads[0]:
            say("our stages, each alone")
            ours = {precision: _stages(bundle, precision, video) for precision in own}
        peers = [each.peer for each in results if each.comparable or each.peer.file == OURS]
    return {
        **machine.result_head(WHAT, FORMAT, before),
        "bundle": bundle.spec.name,
        "artifacts": {each.precision: each.sha256 for each in bundle.artifacts if each.target == TARGET},
        "limits": {"frames": limits.frames, "seconds": limits.seconds, "rounds": rounds},
        "workloads": figures,
        "absent": absent,
        "ours": ours,
    }


def _jobs(
    preparation: Preparation, peers: Sequence[Peer], workload: Workload, limits: Limits
) -> tuple[list[Job], dict[str, str]]:
    """A job for each peer that can start, and why the others cannot."""
    jobs, missing = [], {}
    for peer in peers:
        try:
            jobs.append(preparation.job(peer, workload.video, workload.overlay, limits))
        except EngineError as error:
            missing[peer.name] = str(error)
    return jobs, missing


def _to_json(workload: Workload, results: Sequence[PeerResult], own: dict[str, PeerResult]) -> dict[str, Any]:
    with open_source(workload.video) as video:
        return {
            "video": workload.video.name,
            "width": video.width,
            "height": video.height,
            "overlay": workload.overlay,
            "peers": [each.to_json(own) for each in results],
        }


def _stages(bundle: Bundle, precision: str, video: Path) -> dict[str, Any]:
    """The engine that "auto" chose, and core-milliseconds a frame of each stage alone."""
    model = load(bundle, engine=AUTO, precision=precision, threads=1)
    assert model.candidate is not None
    stages = stages_alone(model, video)
    model.close()
    milliseconds = {name: 1e3 * seconds for name, seconds in stages.items()}
    return {"engine": model.candidate.engine, "stage_core_ms": milliseconds}
