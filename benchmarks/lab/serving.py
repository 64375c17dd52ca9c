"""Many thin cameras on one Triton server: python -m lab.serving [--kill] [--json FILE].

Each client is a process of its own with a camera that gives a frame every 1/fps s, `edgeseg.stream` and the client of
edgeseg/triton; the server is the one of the wheel nvidia-pytriton (lab/tritonserver.py). All share this machine, so
that its cores do everything but decode: what is measured is the whole way from capture to the mask in the
client, at the load that is named, and not the network's rate.
"""

from __future__ import annotations

import json as jsonlib
import multiprocessing
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import edgeseg
from edgeseg.arrays import Image
from edgeseg.atomic import atomic_file
from edgeseg.bundle import Bundle
from edgeseg.errors import UsageError
from edgeseg.triton.client import connect
from edgeseg.triton.repository import Serving, write_repository
from edgeseg.triton.servers import Patience
from edgeseg.video.live import LiveSource, Reading
from edgeseg.video.open import open_source
from edgeseg_bench.machine import processor
from edgeseg_bench.script import run_script
from lab.tritonserver import TritonServer, missing

PATIENCE = Patience(answer=2.0, frame=60.0)

DOWN_SECONDS = 2.0
"""Between the server's death and its next start."""


@dataclass(frozen=True)
class Load:
    """What each client does.

    Attributes:
        bundle: that is served.
        fps: frames a second of its camera.
        seconds: that it runs.
        jpeg: quality that frames are sent with; None: raw.
    """

    bundle: str
    fps: float
    seconds: float
    jpeg: int | None


def main(
    video: Path,
    *,
    bundle: str = "road-nano",
    precision: str = "int8",
    clients: int = 8,
    fps: float = 10.0,
    seconds: float = 30.0,
    instances: int = 2,
    jpeg: int | None = None,
    kill: bool = False,
    json: Path | None = None,
) -> None:
    """Measure capture to mask over many clients of one server.

    Args:
        video: whose first frames the cameras show.
        bundle: that is served.
        precision: of its artifact.
        clients: processes, a camera each.
        fps: frames a second of each camera.
        seconds: that they run.
        instances: of the model in the server.
        jpeg: quality that frames are sent with; by default raw.
        kill: kill the server in the middle, and start it again two seconds later.
        json: write the figures here too.
    """
    reason = missing()
    if reason is not None:
        raise UsageError(f"{reason}; pip install --no-deps nvidia-pytriton")
    frames = [frame.image for frame, _ in zip(open_source(str(video)), range(20), strict=False)]
    load = Load(bundle, fps, seconds, jpeg)
    with tempfile.TemporaryDirectory() as folder:
        write_repository(
            Bundle.open(bundle), Path(folder, "repository"), Serving(precision=precision, instances=instances)
        )
        with TritonServer(Path(folder, "repository"), bundle) as server:
            server.wait()
            results = measure(server, frames, load, clients, kill=kill)
    figures = summarize(results)
    print("{clients} clients, {masks} masks of {frames} frames, {dropped} dropped, {retries} retries".format(**figures))
    print("capture to mask:", ", ".join(f"{name} {figures[name]:.1f} ms" for name in ("p50", "p95", "p99", "max")))
    if json is not None:
        figures |= {
            "processor": processor(),
            "bundle": bundle,
            "precision": precision,
            "fps": fps,
            "seconds": seconds,
            "instances": instances,
        }
        figures |= {"size": list(frames[0].shape[1::-1]), "jpeg": jpeg, "killed": kill}
        with atomic_file(json) as part:
            part.write_text(jsonlib.dumps(figures, indent=2) + "\n")


def measure(server: TritonServer, frames: list[Image], load: Load, clients: int, *, kill: bool) -> list[dict[str, Any]]:
    """What each client saw, once all of them had started."""
    context = multiprocessing.get_context("spawn")  # gRPC does not outlive a fork
    barrier, queue = context.Barrier(clients + 1), context.Queue()
    processes = [
        context.Process(target=_client, args=(server.grpc, frames, load, barrier, queue)) for _ in range(clients)
    ]
    for process in processes:
        process.start()
    barrier.wait(60)
    if kill:
        time.sleep(load.seconds / 2)
        server.kill()
        time.sleep(DOWN_SECONDS)
        server.start()
    results = [queue.get(timeout=load.seconds + 2 * PATIENCE.frame) for _ in processes]
    for process in processes:
        process.join()
    return results


def summarize(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts of all clients together, and percentiles, in milliseconds, of all their masks."""
    delays = 1e3 * np.concatenate([each["delays"] for each in results])
    counts = {name: sum(each[name] for each in results) for name in ("frames", "dropped", "retries")}
    p50, p95, p99 = (float(np.percentile(delays, percent)) for percent in (50, 95, 99))
    figures = {"p50": p50, "p95": p95, "p99": p99, "max": float(delays.max())}
    return {"clients": len(results), "masks": len(delays), **counts, **figures}


def _client(address: str, frames: list[Image], load: Load, barrier: Any, queue: Any) -> None:
    """A camera and its stream; runs in a process of its own."""
    model = connect([address], load.bundle, jpeg=load.jpeg, patience=PATIENCE)
    model(frames[0])
    barrier.wait(60)
    camera = Camera(frames, load.fps, load.seconds)
    source = LiveSource("camera", camera.read, lambda: None, fps=Fraction(load.fps), timeout=PATIENCE.frame)
    stream = edgeseg.stream(model, source, workers=2, tolerate_loss=True)
    delays = [result.done - result.captured for result in stream]
    skipped = source.skipped
    dropped = skipped.before_start + skipped.replaced + skipped.at_end
    queue.put({"delays": delays, "frames": camera.sent, "dropped": dropped, "retries": model.retries})
    model.close()


class Camera:
    """Gives frames by turns, each at its time."""

    def __init__(self, frames: list[Image], fps: float, seconds: float) -> None:
        self.sent = 0
        self._frames, self._fps = frames, fps
        self._begin = time.perf_counter()
        self._total = round(fps * seconds)

    def read(self) -> Reading | None:
        """The next frame, when its time has come; None after the last."""
        if self.sent == self._total:
            return None
        due = self._begin + self.sent / self._fps
        time.sleep(max(0.0, due - time.perf_counter()))
        image = self._frames[self.sent % len(self._frames)]
        self.sent += 1
        return Reading(image, None, time.perf_counter(), 0.0)


if __name__ == "__main__":
    run_script(main, "python -m lab.serving")
