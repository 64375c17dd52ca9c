"""Many cameras, one network: who is served next, and that one's failure is no other's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.serve import scheduler as scheduler_module
from edgeseg.serve.camera import CameraWorker, Work
from edgeseg.serve.scheduler import MOST_FAILURES, Scheduler
from edgeseg.spec import Spec
from edgeseg.video.model import Result
from edgeseg.video.source import Frame
from tests.video.conftest import SeveralShades, ShadeModel
from tests.video.namespace import wait_until

SECONDS = 60.0


class Queue:
    """A camera with so many frames, of which each waits until it is taken."""

    def __init__(self, name: str, frames: int, served: list[str]) -> None:
        self.name, self.frames = name, frames
        self.outcomes: list[Result | Exception] = []
        self._served, self._number = served, 0

    def take(self) -> Work | None:
        if not self.frames:
            return None
        self.frames -= 1
        self._served.append(self.name)
        self._number += 1
        image = np.full((6, 8, 3), self._number, np.uint8)
        return Work(cast(CameraWorker, self), self._number - 1, Frame(self._number, image, 0.0, 0.0, 0.0))

    def deliver(self, work: Work, outcome: Result | Exception) -> None:
        del work
        self.outcomes.append(outcome)


def waiting(wait: Callable[[float], object]) -> Callable[[int], None]:
    """Work that waits."""

    def work(_: int) -> None:
        wait(SECONDS)

    return work


def serve(scheduler: Scheduler, *queues: Queue) -> None:
    scheduler.cameras = cast("tuple[CameraWorker, ...]", queues)
    scheduler.arrived()


def end(scheduler: Scheduler) -> None:
    assert scheduler.close(time.perf_counter() + SECONDS)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5), st.integers(1, 4))
def test_nobody_is_served_twice_while_another_waits(spec: Spec, counts: list[int], batch: int) -> None:
    """With one worker the order is seen: in each turn every camera that has a frame gives one."""
    served: list[str] = []
    gate = threading.Event()
    queues = [Queue(str(number), count, served) for number, count in enumerate(counts)]
    scheduler = Scheduler(SeveralShades(spec, batch, waiting(gate.wait)), 1, lambda _: None, batch)
    serve(scheduler, *queues)
    gate.set()
    wait_until(lambda: sum(len(queue.outcomes) for queue in queues) == sum(counts), SECONDS)
    end(scheduler)
    left = list(counts)
    while any(left):
        turn = [number for number, count in enumerate(left) if count]
        now, served = served[: len(turn)], served[len(turn) :]
        assert sorted(now) == [str(number) for number in turn]
        left = [max(0, count - 1) for count in left]


def test_all_workers_serve_a_camera_that_is_alone(spec: Spec) -> None:
    together = threading.Barrier(3)
    queue = Queue("gate", 3, [])
    scheduler = Scheduler(ShadeModel(spec, waiting(together.wait)), 3, lambda _: None)
    serve(scheduler, queue)
    for _ in range(2):
        scheduler.arrived()
    wait_until(lambda: len(queue.outcomes) == 3, SECONDS)
    end(scheduler)


def test_a_mask_is_of_its_frame(spec: Spec) -> None:
    queues = [Queue(name, 20, []) for name in "ab"]
    scheduler = Scheduler(ShadeModel(spec), 2, lambda _: None)
    serve(scheduler, *queues)
    wait_until(lambda: all(len(queue.outcomes) == 20 for queue in queues), SECONDS)
    end(scheduler)
    for queue in queues:
        for result in queue.outcomes:
            assert isinstance(result, Result)
            assert result.mask is not None
            assert (result.mask == result.index).all()
            assert set(result.seconds) == {"capture", "prepare", "infer", "kernel"}


def failing_at(*levels: int) -> Callable[[int], None]:
    def work(level: int) -> None:
        if level in levels:
            raise ValueError(f"no mask of {level}")

    return work


def test_a_frame_that_fails_leaves_the_others_alone(spec: Spec) -> None:
    queues = [Queue(name, 5, []) for name in "ab"]
    broken: list[str] = []
    scheduler = Scheduler(ShadeModel(spec, failing_at(3)), 2, broken.append)
    serve(scheduler, *queues)
    wait_until(lambda: all(len(queue.outcomes) == 5 for queue in queues), SECONDS)
    assert scheduler.is_well()
    end(scheduler)
    for queue in queues:
        assert sum(isinstance(outcome, ValueError) for outcome in queue.outcomes) == 1
    assert broken == []


def test_a_network_that_never_gives_a_mask_is_broken(spec: Spec) -> None:
    queue = Queue("gate", MOST_FAILURES + 5, [])
    broken: list[str] = []
    scheduler = Scheduler(ShadeModel(spec, failing_at(*range(256))), 1, broken.append)
    serve(scheduler, queue)
    wait_until(lambda: len(queue.outcomes) == MOST_FAILURES + 5, SECONDS)
    end(scheduler)
    assert broken == [f"the network gave no mask for 50 frames in a row, the last time: no mask of {MOST_FAILURES}"]


def test_another_model_takes_over_and_the_old_one_is_free(spec: Spec) -> None:
    entered, gate = threading.Event(), threading.Event()

    def wait(_: int) -> None:
        entered.set()
        gate.wait(SECONDS)

    queue = Queue("gate", 1, [])
    old, new = ShadeModel(spec, wait), ShadeModel(spec)
    scheduler = Scheduler(old, 2, lambda _: None)
    serve(scheduler, queue)
    assert entered.wait(SECONDS)
    assert not scheduler.replace(new, 2, 0.0)  # it works on a frame
    gate.set()
    wait_until(lambda: scheduler.replace(new, 1, 0.0), SECONDS)
    queue.frames = 5
    scheduler.arrived()
    wait_until(lambda: len(queue.outcomes) == 6, SECONDS)
    wait_until(lambda: threading.active_count() == 2 or not alive("edgeseg-serve-1"), SECONDS)
    assert scheduler.is_well()
    assert scheduler.replace(old, 3, 0.0)  # more workers again
    assert alive("edgeseg-serve-2")
    end(scheduler)


def alive(name: str) -> bool:
    return any(thread.name == name for thread in threading.enumerate())


def test_a_worker_that_hangs_is_seen(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    queue = Queue("gate", 1, [])
    scheduler = Scheduler(ShadeModel(spec, waiting(gate.wait)), 1, lambda _: None)
    serve(scheduler, queue)
    wait_until(lambda: not queue.frames, SECONDS)
    assert scheduler.is_well()
    monkeypatch.setattr(scheduler_module, "STUCK", 0.0)
    assert not scheduler.is_well()
    assert not scheduler.close(time.perf_counter())
    gate.set()
    end(scheduler)
