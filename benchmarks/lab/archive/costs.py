"""`python -m lab.archive.costs VIDEO --json FILE`: what tasks cost a worker, and workers the driver; for lab.scale."""

from __future__ import annotations

import tempfile
from pathlib import Path

from edgeseg_bench.machine import condition, result_head
from edgeseg_bench.script import run_script
from lab.archive import driver, turn, work
from lab.archive.videos import CLIP_PACKETS, repeat
from lab.output import write_figures


def main(video: Path, *, copies: int = 3, bundle: str = "road", json: Path | None = None) -> None:
    """Measure seconds and bytes of the tasks of edgeseg batch, and seconds of a Ray driver.

    Args:
        video: a file in groups of pictures of 30 frames, 25 a second.
        copies: of it, one after the other, that are one video.
        bundle: the network, in ONNX Runtime and INT8.
        json: write the figures here too.
    """
    before = condition()
    with tempfile.TemporaryDirectory() as folder:
        long, clip = Path(folder, "long.mp4"), Path(folder, "clip.mp4")
        repeat(video, long, copies)
        repeat(video, clip, 1, CLIP_PACKETS)
        figures = {**work.measure(long, clip, bundle), **driver.measure()}
    stages = figures.pop("stages")
    result = {
        **result_head("lab.archive.costs", 1, before),
        "bundle": bundle,
        "engine": turn.ENGINE,
        "precision": turn.PRECISION,
        "costs": figures,
        "stages": stages,
    }
    write_figures(result, json)


if __name__ == "__main__":
    run_script(main, "python -m lab.archive.costs")
