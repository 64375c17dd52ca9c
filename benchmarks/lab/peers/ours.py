"""edgeseg itself, as its command line runs it: engine "auto" has found out which runtime is the faster one here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgeseg.auto import AUTO
from edgeseg.segmenter import load
from edgeseg.video.options import engine_threads
from edgeseg.video.pipeline import stream
from lab.peers.turn import Masks, Task, run_turn


def prepare(task: Task) -> Callable[[], Masks]:
    """Loads the bundle."""
    model = load(Path(task.bundle), engine=AUTO, precision=task.precision, threads=engine_threads("throughput"))

    def masks() -> Masks:
        for result in stream(model, task.video, overlay=task.overlay, max_frames=task.frames):
            assert result.mask is not None
            yield result.mask

    return masks


if __name__ == "__main__":
    run_turn(prepare, "edgeseg", "onnxruntime")
