"""edgeseg itself, as its README shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgeseg.benchmarks.peers.turn import Masks, Task, take
from edgeseg.segmenter import load
from edgeseg.video.pipeline import engine_threads, stream


def prepare(task: Task) -> Callable[[], Masks]:
    """Loads the bundle."""
    model = load(Path(task.bundle), precision=task.precision, threads=engine_threads("throughput"))

    def masks() -> Masks:
        for result in stream(model, task.video, overlay=task.overlay, max_frames=task.frames):
            assert result.mask is not None
            yield result.mask

    return masks


if __name__ == "__main__":
    take(prepare)
