"""Many thin cameras on one Triton server: python -m lab.serving VIDEO [--json FILE].

Each client is a process of its own with a camera that gives a frame every 1/fps s, `edgeseg.stream` and the client of
edgeseg/triton; the server is the one of the wheel nvidia-pytriton (lab/tritonserver.py). All share this machine, so
that its cores do everything but decode: what is measured is the whole way from capture to the mask in the
client, at the load that is named, and not the network's rate.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import edgeseg
from edgeseg.arrays import Image
from edgeseg.bundle import Bundle
from edgeseg.errors import EngineError, UsageError
from edgeseg.triton.client import connect
from edgeseg.triton.repository import Serving, write_repository
from edgeseg.triton.servers import Patience
from edgeseg.video.live import LiveSource, Reading
from edgeseg.video.open import open_source
from edgeseg_bench.machine import condition, result_head
from edgeseg_bench.script import run_script
from lab.output import write_result
from lab.tritonserver import TritonServer, missing

PATIENCE = Patience(answer=2.0, frame=60.0)

DOWN_SECONDS = 2.0
"""Between the server's death and its next start."""


HIGHEST_SECONDS = 8.0
"""Of each try for the highest rate."""

STEP = 0.5
"""Frames a second between two rates that are tried."""


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
    jpeg: int | None = None


def main(
    video: Path,
    *,
    bundle: tuple[str, ...] = ("road-nano", "road"),
    precision: str = "int8",
    clients: int = 8,
    fps: float = 10.0,
    seconds: float = 20.0,
    instances: int = 2,
    json: Path | None = None,
) -> None:
    """Measure capture to mask over many clients of one server, and the highest rate at which no frame is dropped.

    Each bundle is measured raw, as JPEG, and raw with the server killed in the middle and started again 2 s later.

    Args:
        video: whose first frames the cameras show.
        bundle: those that are served, one after the other.
        precision: of their artifacts.
        clients: processes, a camera each.
        fps: frames a second of each camera.
        seconds: that they run.
        instances: of the model in the server.
        json: write the figures here too.
    """
    reason = missing()
    if reason is not None:
        raise UsageError(f"{reason}; pip install --no-deps nvidia-pytriton")
    before = condition()
    frames = [frame.image for frame, _ in zip(open_source(str(video)), range(20), strict=False)]
    runs = []
    for name in bundle:
        with tempfile.TemporaryDirectory() as folder:
            serving = Serving(precision=precision, instances=instances)
            write_repository(Bundle.open(name), Path(folder, "repository"), serving)
            with TritonServer(Path(folder, "repository"), name) as server:
                server.wait()
                for jpeg, kill in ((None, False), (90, False), (None, True)):
                    load = Load(name, fps, seconds, jpeg)
                    runs.append(run(server, frames, load, clients, kill=kill))
                server.wait()
                runs.append(highest(server, frames, name, clients, 2 * fps))
    if json is not None:
        size = list(frames[0].shape[1::-1])
        settings = {"size": size, "precision": precision, "instances": instances}
        result = {**result_head("lab.serving", 1, before), **settings, "runs": runs}
        write_result(result, json)


def run(server: TritonServer, frames: list[Image], load: Load, clients: int, *, kill: bool = False) -> dict[str, Any]:
    """One load, and what came of it."""
    figures = {**asdict(load), "killed": kill, **summarize(measure(server, frames, load, clients, kill=kill))}
    print("{bundle}, {fps} fps, jpeg {jpeg}, killed {killed}:".format(**figures), end=" ")
    print("{masks} masks of {frames} frames, {dropped} dropped, {retries} retries".format(**figures), end="; ")
    print(", ".join(f"{name} {figures[name]:.0f} ms" for name in ("p50", "p95", "p99", "max")), flush=True)
    return figures


def highest(server: TritonServer, frames: list[Image], bundle: str, clients: int, most: float) -> dict[str, Any]:
    """The run with the highest rate of each camera, up to `most`, at which every frame becomes a mask.

    Raises:
        EngineError: there is none.
    """
    served, refused = 0, round(most / STEP) + 1
    best = None
    while refused - served > 1:
        rate = (served + refused) // 2
        figures = run(server, frames, Load(bundle, rate * STEP, HIGHEST_SECONDS), clients)
        if figures["dropped"] == 0:
            served, best = rate, figures
        else:
            refused = rate
    if best is None:
        raise EngineError(f"of {clients} cameras with {STEP} frames a second each not all frames are served")
    return {**best, "highest": True}


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
