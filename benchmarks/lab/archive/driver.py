"""What a driver of Ray's spends on its workers: python -m lab.archive.driver prints it.

Seconds are of the processor, of all the driver's threads. Workers that look for a video which is not there do nothing
else, so that their tasks cost the driver what every task does. Calls of one actor stand in for more workers than two.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from edgeseg.archive.cluster.connection import connected
from edgeseg.archive.cluster.pool import LOOK_SECONDS, LOOKS, RayPool
from edgeseg.archive.run import run_batch
from edgeseg.archive.videos import Video
from edgeseg_bench.script import run_script
from lab.archive.turn import start_of

TASKS = 500

WAITING = (10, 2000)
"""Workers that a driver looks at, few and many."""


def main(*, bundle: str = "road-nano") -> None:
    """Print the driver's seconds as JSON.

    Args:
        bundle: that the workers load.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with tempfile.TemporaryDirectory() as folder, connected("local"):  # where nothing can be printed
        figures = {**task(Path(folder), bundle), **looks(), "look_seconds": LOOK_SECONDS, "looks": LOOKS}
    print(json.dumps(figures))


def measure() -> dict[str, float]:
    """`main` in another process."""
    done = subprocess.run(
        [sys.executable, "-m", "lab.archive.driver"], capture_output=True, text=True, check=False, timeout=180
    )
    if done.returncode:
        raise RuntimeError(f"the driver could not be measured: {done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def task(folder: Path, bundle: str) -> dict[str, float]:
    """`driver_task`, with two workers, and `start`, from the pool's to a worker's that has loaded the network."""
    pool = RayPool(2, start_of(folder / "out", bundle))
    while len(pool.free) < 2:
        pool.wait(0.05)
    ready = time.perf_counter() - pool.started
    videos = [Video(str(number), folder / f"{number}.mp4", 0) for number in range(TASKS)]
    since = time.process_time()
    report = run_batch(videos, lambda: pool, quiet=True)
    seconds = time.process_time() - since
    assert len(report.failures) == TASKS, report
    return {"start": ready, "driver_task": seconds / TASKS}


def looks() -> dict[str, float]:
    """`driver_worker`, of `RayPool.wait` for each worker; and `driver_look`, of `frames`."""
    import ray

    remote: Any = ray.remote
    busy = remote(max_concurrency=WAITING[1] + 1)(Busy).remote()
    calls = [busy.wait.remote() for _ in range(WAITING[1])]
    few, many = (_processor(partial(_look_at, calls[:number]), 20) for number in WAITING)
    look = _processor(lambda: ray.get(busy.frames.remote()), 300)
    ray.kill(busy)
    return {"driver_worker": (many - few) / (WAITING[1] - WAITING[0]), "driver_look": look}


class Busy:
    """An actor whose calls of `wait` never end."""

    async def wait(self) -> None:
        import asyncio

        await asyncio.Event().wait()

    async def frames(self) -> int:
        return 0


def _look_at(calls: list[Any]) -> None:
    """What `RayPool.wait` asks of Ray when a worker has finished: once to wake, once for all that are done."""
    import ray

    numbers = {call: number for number, call in enumerate(calls)}
    ray.wait(list(numbers), timeout=0)
    ray.wait(list(numbers), num_returns=len(numbers), timeout=0)


def _processor(action: Callable[[], Any], times: int) -> float:
    """Seconds of the processor of one call: the median of five means."""
    found = []
    for _ in range(5):
        since = time.process_time()
        for _ in range(times // 5):
            action()
        found.append((time.process_time() - since) / (times // 5))
    return median(found)


if __name__ == "__main__":
    run_script(main, "python -m lab.archive.driver")
