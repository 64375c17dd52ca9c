"""`python -m lab.archive VIDEO --json FILE`: a stream, workers here and Ray's by turns, and what their tasks cost."""

from __future__ import annotations

import json as jsonlib
import shutil
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import av

from edgeseg.atomic import atomic_file
from edgeseg_bench.machine import condition, result_head
from edgeseg_bench.script import run_script
from lab.archive import driver, turn, work

CORES = (1, 2)

CLIPS = 12
"""Copies of the clip that a run over many small videos has."""

CLIP_PACKETS = 60
"""Frames of it: two groups of pictures, and less than two pieces."""


def main(video: Path, *, copies: int = 4, rounds: int = 3, bundle: str = "road", json: Path | None = None) -> None:
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
        figures = {**work.measure(long, clip, bundle), **driver.measure()}
        print(f"{1e3 * figures['frame']:.2f} ms a frame: {figures}", flush=True)
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
        "costs": {key: value for key, value in figures.items() if key != "stages"},
        "stages": figures["stages"],
        "turns": turns,
    }
    for cores in CORES:
        rates = {kind: rate(turns, kind, cores) for kind in ("stream", "local", "ray")}
        print(f"{cores} cores:", ", ".join(f"{kind} {fps:.1f} fps" for kind, fps in rates.items()))
    if json is not None:
        with atomic_file(json) as temporary:
            temporary.write_text(jsonlib.dumps(result, indent=2) + "\n")


def rate(turns: list[dict[str, Any]], kind: str, cores: int) -> float:
    """Frames a second over the long video: the median of the turns, without their start."""
    found = [each for each in turns if (each["kind"], each["videos"], each["cores"]) == (kind, "long", cores)]
    return float(median(each["frames"] / each["seconds"] for each in found))


def repeat(video: Path, out: Path, copies: int, packets: int | None = None) -> int:
    """Copies a video's stream, or its first packets, so many times into one file; its frames."""
    count = 0
    with av.open(str(out), "w") as container:
        with av.open(str(video)) as first:
            stream = container.add_stream_from_template(first.streams.video[0])
        for _ in range(copies):
            begin = count
            with av.open(str(video)) as source:
                template = source.streams.video[0]
                assert template.time_base is not None
                assert template.average_rate is not None
                period = round(1 / template.average_rate / template.time_base)
                for packet in source.demux(template):
                    if packet.size == 0 or count - begin == packets:
                        break
                    assert packet.pts is not None
                    assert packet.dts is not None
                    packet.pts += begin * period
                    packet.dts += begin * period
                    packet.stream = stream
                    container.mux(packet)
                    count += 1
    return count


def _turn(kind: turn.Kind, videos: str, cores: int, paths: list[Path], bundle: str) -> dict[str, Any]:
    found = turn.measure(kind, cores, paths, bundle)
    fps = found.frames / found.seconds
    print(f"{kind} on {cores}, {videos}: {fps:.1f} fps, {found.start:.1f} s before", flush=True)
    return {"kind": kind, "videos": videos, "cores": cores, **vars(found)}


if __name__ == "__main__":
    run_script(main, "python -m lab.archive")
