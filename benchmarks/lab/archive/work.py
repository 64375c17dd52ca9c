"""Seconds and bytes of a worker's tasks, one by one: python -m lab.archive.work VIDEO prints them.

Two workers measure at the same time, each on a core of its own, as no core of a busy machine is alone with its caches
and its memory. A piece's seconds are those of opening it and so many a frame: two lengths tell both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from edgeseg.archive import store
from edgeseg.archive.plan import Plan
from edgeseg.archive.tasks import Begun, Finished, Made, Task
from edgeseg.archive.videos import Video, find_videos
from edgeseg.archive.worker import Worker
from edgeseg.memory import keep_frames
from edgeseg_bench.script import run_script
from lab.archive.turn import PIECE_SECONDS, start_of

SHORT_SECONDS = 1.2
"""Of the shorter pieces: one group of pictures of the video at hand."""

FILES = 2000
"""That are listed."""


def main(video: Path, clip: Path, *, core: int = 0, bundle: str = "road") -> None:
    """Print seconds and bytes as JSON.

    Args:
        video: that is cut.
        clip: that is too short for that.
        core: on which.
        bundle: the network.
    """
    os.sched_setaffinity(0, [sorted(os.sched_getaffinity(0))[core]])
    keep_frames()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(costs(video, clip, Path(folder), bundle)))


def measure(video: Path, clip: Path, bundle: str) -> dict[str, Any]:
    """`main` on two cores at the same time; the means of both."""
    command = [sys.executable, "-m", "lab.archive.work", str(video), str(clip), "--bundle", bundle, "--core"]
    both = [subprocess.Popen([*command, str(core)], stdout=subprocess.PIPE, text=True) for core in range(2)]
    texts = [process.communicate(timeout=300)[0] for process in both]
    if any(process.returncode for process in both):
        raise RuntimeError("a worker could not be measured")
    one, other = (json.loads(text.splitlines()[-1]) for text in texts)
    return {
        key: {stage: (one[key][stage] + other[key][stage]) / 2 for stage in one[key]}
        if isinstance(one[key], dict)
        else (one[key] + other[key]) / 2
        for key in one
    }


def costs(video: Path, clip: Path, folder: Path, bundle: str) -> dict[str, Any]:
    """The fields of `lab.scale.costs.Costs` that a worker's tasks tell, and `stages`, the parts of `frame`."""
    long, short = (_pieces(video, folder / name, seconds, bundle) for name, seconds in _LENGTHS.items())
    of_long, of_short = (_median(each["made"]) for each in (long, short))
    frame = (of_long[1] - of_short[1]) / (of_long[0] - of_short[0])
    made = [each for run in (long, short) for each in run["made"]]
    stages: Counter[str] = Counter()
    for _, _, seconds in made:
        stages.update(seconds)
    whole, frames = _joined(clip, folder / "clip", bundle), long["frames"]
    join_frame = (long["join"] - whole["join"]) / (frames - whole["frames"])
    index = (_seconds(video, PIECE_SECONDS) - _seconds(clip, PIECE_SECONDS)) / frames
    return {
        "listing": _listing(folder / "listing"),
        "begin": _seconds(clip, PIECE_SECONDS),
        "index": index,
        "piece": of_short[1] - frame * of_short[0],
        "frame": frame,
        "join": whole["join"] - join_frame * whole["frames"],
        "join_frame": join_frame,
        "bytes_in": video.stat().st_size / frames,
        "bytes_piece": long["bytes_piece"] / frames,
        "bytes_result": long["bytes_result"] / frames,
        "stages": {name: seconds / sum(each[0] for each in made) for name, seconds in stages.items()},
    }


_LENGTHS = {"long": PIECE_SECONDS, "short": SHORT_SECONDS}


def _pieces(path: Path, out: Path, seconds: float, bundle: str) -> dict[str, Any]:
    """A video in pieces, task by task: frames, seconds and stages of each piece, seconds of the join, bytes."""
    worker, video = _worker(path, out, seconds, bundle)
    begun = worker.do(Task("begin", video))
    assert isinstance(begun, Begun), begun
    made = []
    for number in range(begun.pieces):
        since = time.perf_counter()
        piece = worker.do(Task("piece", video, number))
        assert isinstance(piece, Made), piece
        made.append((piece.work.frames, time.perf_counter() - since, piece.work.seconds))
    pieces = _size(out / ".batch" / video.name)
    joined = worker.do(Task("join", video))
    assert isinstance(joined, Finished), joined
    results = _size(out / video.name)
    numbers = {"frames": joined.frames, "join": joined.work.seconds["join"]}
    return {"made": made, **numbers, "bytes_piece": pieces, "bytes_result": results}


def _joined(clip: Path, out: Path, bundle: str) -> dict[str, Any]:
    """A video in one piece: its frames, and the median of the seconds of its join."""
    found, frames = [], 0
    for number in range(5):
        worker, video = _worker(clip, out / str(number), PIECE_SECONDS, bundle)
        finished = worker.do(Task("begin", video))
        assert isinstance(finished, Finished), finished
        found.append(finished.work.seconds["join"])
        frames = finished.frames
    return {"frames": frames, "join": median(found)}


def _worker(path: Path, out: Path, seconds: float, bundle: str) -> tuple[Worker, Video]:
    start = start_of(out, bundle, seconds)
    return Worker(*start, lambda _: None), find_videos([path], out)[0][0]


def _median(made: Sequence[tuple[int, float, Any]]) -> tuple[int, float]:
    """Frames of the pieces that are as long as the first, and the median of their seconds."""
    frames = made[0][0]
    return frames, median(seconds for count, seconds, _ in made if count == frames)


def _seconds(path: Path, piece: float) -> float:
    """To look at a video, and cut it if it is long enough."""
    found = []
    for _ in range(5):
        since = time.perf_counter()
        Plan.of(path, piece, store.status(path))
        found.append(time.perf_counter() - since)
    return median(found)


def _listing(folder: Path) -> float:
    """Seconds for each file in a folder."""
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number}.mp4").touch()
    since = time.perf_counter()
    find_videos([folder], folder / "out")
    return (time.perf_counter() - since) / FILES


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    run_script(main, "python -m lab.archive.work")
