"""Workers on the machines of a Ray cluster: actors, each of which does one task at a time.

They are plain actors and no job of Ray Data: Ray Data owns the order of its blocks and gives a block up, or computes
all of it again, by its own rules. Here a task's result is a folder that appears by rename, the order is that of
`edgeseg.archive.schedule`, and what is left after a loss is what has no folder: the same rules as for processes here.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

import edgeseg
from edgeseg.archive.cluster.actor import Actor, bundle_files
from edgeseg.archive.cluster.connection import Resources
from edgeseg.archive.pool import Event, Frames, Lost, Start
from edgeseg.archive.tasks import Task
from edgeseg.candidate import CPU_RUNTIMES
from edgeseg.engines import first_line
from edgeseg.errors import EngineError

LOOK_SECONDS = 2.0
"""Between two looks at how far a worker is, at least."""

LOOKS = 50.0
"""A second, at most, over all workers: a look takes half a millisecond of the driver, and thousands all its time."""


def look_seconds(workers: int) -> float:
    """Between two looks at each of so many workers."""
    return max(LOOK_SECONDS, workers / LOOKS)


class _Worker:
    """An actor, as the driver sees it."""

    def __init__(self, kind: Any, start: Start, files: Any) -> None:
        self.actor = kind.remote()
        self.task: Task | None = None
        self.ready = False
        self.answer = self.actor.load.remote(start, files, edgeseg.__version__)
        self.look: Any = None
        self._looked = 0.0

    def give(self, task: Task) -> None:
        self.task = task
        self.answer = self.actor.do.remote(task)
        self.look, self._looked = None, time.perf_counter()

    def look_again(self, seconds: float) -> None:
        """Asks how far it is, unless it was asked within so many seconds."""
        if self.task is not None and self.look is None and time.perf_counter() - self._looked > seconds:
            self.look, self._looked = self.actor.frames.remote(), time.perf_counter()


class RayPool:
    """Workers in the cluster that this process has joined.

    Attributes:
        count: of them. Those that no machine has room for wait for one that joins.
        started: when, a time.perf_counter() reading.
    """

    def __init__(self, count: int | None, start: Start) -> None:
        """Has the cluster start them.

        Args:
            count: how many; None: as many as the machines have room for.
            start: for each.

        Raises:
            UsageError: no machine has what a worker needs.
            EngineError: the bundle cannot be read.
        """
        engine = start.loading.settings.engine
        resources = Resources.of(engine in CPU_RUNTIMES)
        room = resources.room
        self.count = room if count is None else count
        self.started = time.perf_counter()
        self._start = start
        self._failed_starts = 0  # in a row
        try:
            self._files = ray.put(bundle_files(Path(start.loading.bundle)))
        except OSError as error:
            raise EngineError(f"cannot read {error.filename}: {error.strerror or error}") from error
        # A task is given to another by the schedule, and nothing is done behind its back.
        remote: Any = ray.remote  # whose types do not know all that it takes
        self._kind = remote(
            num_cpus=resources.cpus, num_gpus=resources.gpus, max_restarts=0, max_task_retries=0, max_concurrency=2
        )(Actor)
        self._workers = [self._new() for _ in range(self.count)]

    def _new(self) -> _Worker:
        return _Worker(self._kind, self._start, self._files)

    @property
    def free(self) -> list[int]:
        """Numbers of the workers that have loaded the network, and have nothing to do."""
        return [number for number, each in enumerate(self._workers) if each.ready and each.task is None]

    def give(self, worker: int, task: Task) -> None:
        """Has a free worker do a task."""
        self._workers[worker].give(task)

    def wait(self, seconds: float) -> list[Event]:
        """What workers with a task did meanwhile; it waits for that, but no longer than so many seconds.

        Raises:
            EngineError: a worker cannot load the network, or one after the other dies of that.
        """
        numbers = {}
        between = look_seconds(self.count)
        for number, worker in enumerate(self._workers):
            worker.look_again(between)
            if worker.task is not None or not worker.ready:
                numbers[worker.answer] = number
            if worker.look is not None:
                numbers[worker.look] = number
        if not numbers:
            time.sleep(seconds)
            return []
        done, _ = ray.wait(list(numbers), timeout=seconds)
        if done:
            done, _ = ray.wait(list(numbers), num_returns=len(numbers), timeout=0)
        events = (self._event(numbers[each], each) for each in done)
        return [event for event in events if event is not None]

    def _event(self, number: int, answer: Any) -> Event | None:
        """What an answer of a worker says."""
        worker = self._workers[number]
        if answer not in (worker.answer, worker.look):  # of one that was lost a moment ago
            return None
        try:
            what = ray.get(answer)
        except RayError as error:
            return self._lost(number, error)
        if answer == worker.look:
            worker.look = None
            return None if worker.task is None else Event(number, worker.task, Frames(what))
        if not worker.ready:
            if what is not None:
                raise EngineError(what)
            worker.ready, self._failed_starts = True, 0
            return None
        task, worker.task, worker.look = worker.task, None, None
        assert task is not None
        return Event(number, task, what)

    def _lost(self, number: int, error: RayError) -> Event | None:
        """Puts another in the place of a worker that died, or that cannot be reached."""
        worker = self._workers[number]
        how = f"was lost ({first_line(error)})"
        self._failed_starts += not worker.ready
        if self._failed_starts > self.count:
            raise EngineError(
                f"a worker {how} as it loaded the network; does every machine of the cluster have edgeseg?"
            )
        ray.kill(worker.actor)  # one that is only out of reach must not go on
        self._workers[number] = self._new()
        return None if worker.task is None else Event(number, worker.task, Lost(how))

    def close(self) -> None:
        """Ends all; what they had begun is left unfinished. More calls do nothing."""
        for each in self._workers:
            ray.kill(each.actor)
        self._workers = []
