"""`python -m lab.archive VIDEO --json FILE`: a stream, workers here and Ray's by turns."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from edgeseg_bench.machine import condition, result_head
from edgeseg_bench.script import run_script
from lab.archive import turn
from lab.archive.videos import CLIP_PACKETS, repeat
from lab.output import write_result

CORES = (1, 2)

CLIPS = 12
"""Copies of the clip that a run over many small videos has."""


def main(video: Path, *, copies: int = 3, rounds: int = 3, bundle: str = "road", json: Path | None = None) -> None:
    """Measure on one and two cores: a stream, edgeseg batch with worker processes, and with Ray, by turns.

    Args:
        video: a file in groups of pictures of 30 frames, 25 a second.
        copies: of it, one after the other, that are one video.
        rounds: of turns.
        bundle: the network, in ONNX Runtime and INT8.
        json: write the figures here too.
    """
    before = condition()
    turns: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        long, clip = Path(folder, "long.mp4"), Path(folder, "clip.mp4")
        frames = repeat(video, long, copies), repeat(video, clip, 1, CLIP_PACKETS)
        clips = [Path(shutil.copy(clip, Path(folder, f"{number:02d}.mp4"))) for number in range(CLIPS)]
        for number in range(rounds):
            for cores in CORES:
                for kind in ("stream", "local", "ray"):
                    turns.append(_turn(kind, "long", cores, [long], bundle))
            if number == 0:  # what the simulation is held against
                for cores in CORES:
                    turns += [_turn(kind, "clips", cores, clips, bundle) for kind in ("local", "ray")]
    result = {
        **result_head("lab.archive", 1, before),
        "bundle": bundle,
        "engine": turn.ENGINE,
        "precision": turn.PRECISION,
        "video": {"name": video.name, "copies": copies, "frames": frames[0]},
        "clips": {"videos": CLIPS, "frames": frames[1]},
        "piece_seconds": turn.PIECE_SECONDS,
        "turns": turns,
    }
    for cores in CORES:
        rates = {kind: rate(turns, kind, cores) for kind in ("stream", "local", "ray")}
        print(f"{cores} cores:", ", ".join(f"{kind} {fps:.1f} fps" for kind, fps in rates.items()))
    if json is not None:
        write_result(result, json)


def rate(turns: list[dict[str, Any]], kind: str, cores: int) -> float:
    """Frames a second over the long video, without the start: the fastest turn, as what disturbs one only slows it."""
    found = [each for each in turns if (each["kind"], each["videos"], each["cores"]) == (kind, "long", cores)]
    return float(max(each["frames"] / each["seconds"] for each in found))


def _turn(kind: turn.Kind, videos: str, cores: int, paths: list[Path], bundle: str) -> dict[str, Any]:
    found = turn.measure(kind, cores, paths, bundle)
    fps = found.frames / found.seconds
    print(f"{kind} on {cores}, {videos}: {fps:.1f} fps, {found.start:.1f} s before", flush=True)
    return {"kind": kind, "videos": videos, "cores": cores, **vars(found)}


if __name__ == "__main__":
    run_script(main, "python -m lab.archive")
