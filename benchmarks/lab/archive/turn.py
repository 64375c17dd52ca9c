"""One run over a video on so many cores, in a process of its own: python -m lab.archive.turn KIND CORES VIDEO.

The process and all that it starts are held to these cores, so that one thread more is none more in work: a stream has
one that collects the masks, Ray its own processes. What loads first, or starts, is told apart from the rest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import edgeseg
from edgeseg.archive.place import Place
from edgeseg.archive.pool import Event, ProcessPool, Start
from edgeseg.archive.run import Pool, run_batch
from edgeseg.archive.settings import Loading, Settings
from edgeseg.archive.tasks import Task
from edgeseg.archive.videos import find_videos
from edgeseg.bundle import Bundle
from edgeseg.memory import keep_frames
from edgeseg.video.masks import MaskWriter
from edgeseg_bench.script import run_script

Kind = Literal["stream", "local", "ray"]

ENGINE, PRECISION = "onnxruntime", "int8"

PIECE_SECONDS = 4.8
"""Of a piece: four groups of pictures of the video at hand."""


@dataclass(frozen=True)
class Turn:
    """What one run took.

    Attributes:
        frames: segmented.
        start: seconds until there was a worker for them.
        seconds: from then to the end.
    """

    frames: int
    start: float
    seconds: float


class TimedPool:
    """A pool that notes when it was given its first task."""

    def __init__(self, pool: Pool) -> None:
        self.count, self.started = pool.count, pool.started
        self.first: float | None = None
        self._pool = pool

    @property
    def free(self) -> Sequence[int]:
        return self._pool.free if self.first is not None or len(self._pool.free) == self.count else ()

    def give(self, worker: int, task: Task) -> None:
        self.first = self.first or time.perf_counter()
        self._pool.give(worker, task)

    def wait(self, seconds: float) -> list[Event]:
        return self._pool.wait(seconds)

    def close(self) -> None:
        self.ended = time.perf_counter()
        self._pool.close()


def main(kind: Kind, cores: int, *videos: Path, bundle: str = "road") -> None:
    """Print one run's frames and seconds as JSON.

    Args:
        kind: edgeseg.stream with masks as PNG, as `edgeseg run --masks`; or edgeseg batch with processes, or Ray's.
        cores: that it may use, a worker on each.
        videos: the input.
        bundle: the network.
    """
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    with tempfile.TemporaryDirectory() as folder:
        if kind == "stream":
            turn = stream(videos, Path(folder), cores, bundle)
        else:
            turn = batch(kind, videos, Path(folder, "out"), cores, bundle)
    print(json.dumps(asdict(turn)))


def measure(kind: Kind, cores: int, videos: Sequence[Path], bundle: str) -> Turn:
    """`main` in another process."""
    command = [sys.executable, "-m", "lab.archive.turn", kind, str(cores), *map(str, videos), "--bundle", bundle]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{kind} on {cores} cores failed: {done.stderr[-2000:]}")
    return Turn(**json.loads(done.stdout.splitlines()[-1]))


def stream(videos: Sequence[Path], folder: Path, cores: int, bundle: str) -> Turn:
    """A thread a core, and the masks as PNG."""
    keep_frames()
    began = time.perf_counter()
    model = edgeseg.load(bundle, engine=ENGINE, precision=PRECISION, threads=1)
    loaded = time.perf_counter()
    frames = 0
    for video in videos:
        writer = MaskWriter(folder / video.name)
        for result in edgeseg.stream(model, video, workers=cores):
            assert result.mask is not None
            writer.write(result.mask, result.index)
            frames += 1
        writer.close()
    return Turn(frames, loaded - began, time.perf_counter() - loaded)


def batch(kind: Kind, videos: Sequence[Path], out: Path, cores: int, bundle: str) -> Turn:
    """A worker a core, as `edgeseg batch` has them."""
    found, _ = find_videos(videos, out)
    with ExitStack() as stack:
        if kind == "ray":
            from edgeseg.archive.cluster.connection import connected

            stack.enter_context(connected("local"))
        pools: list[TimedPool] = []

        def make() -> Pool:
            pools.append(TimedPool(_pool(kind, cores, start_of(out, bundle))))
            return pools[0]

        report = run_batch(found, make, quiet=True)
        pool = pools[0]
    if report.failures or report.fatal or pool.first is None:
        raise RuntimeError(f"not all videos were done: {report}")
    return Turn(report.frames, pool.first - pool.started, pool.ended - pool.first)


def start_of(out: Path, bundle: str, piece: float = PIECE_SECONDS) -> Start:
    """What a worker is told, with the settings that it finds in `out`."""
    opened = Bundle.open(bundle)
    model = edgeseg.load(opened, engine=ENGINE, precision=PRECISION, threads=1)
    assert model.candidate is not None
    settings = Settings(opened.spec.name, ENGINE, PRECISION, model.candidate.artifact.sha256, False)
    model.close()
    place = Place(out.absolute())
    settings.write(place.settings)
    return Start(place.root, Loading(str(opened.folder.absolute()), settings), piece)


def _pool(kind: Kind, cores: int, start: Start) -> Pool:
    if kind == "local":
        return ProcessPool(cores, start)
    from edgeseg.archive.cluster.pool import RayPool

    return RayPool(cores, start)


if __name__ == "__main__":
    run_script(main, "python -m lab.archive.turn")
