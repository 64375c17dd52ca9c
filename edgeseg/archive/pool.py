"""Worker processes on this machine: each does one task at a time, and another takes its place when it dies."""

from __future__ import annotations

import contextlib
import subprocess
import time
import warnings
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from edgeseg.archive.address import Location
from edgeseg.archive.settings import Loading
from edgeseg.archive.tasks import Outcome, Task
from edgeseg.archive.worker import Worker
from edgeseg.child_process import ending, start_child
from edgeseg.errors import EdgeSegError, EngineError
from edgeseg.memory import keep_frames

PROGRESS_SECONDS = 0.25
"""Between two messages of a worker about its progress."""

DEATH = 5.0
"""Seconds that a killed process has to be gone."""


class Start(NamedTuple):
    """What a worker is told first: the arguments of `edgeseg.archive.worker.Worker`."""

    root: Location
    loading: Loading
    piece_seconds: float


class Frames(NamedTuple):
    """So many frames of the task are done."""

    done: int


class Ready(NamedTuple):
    """The network is loaded; or it cannot be, and why."""

    reason: str | None = None


class Lost(NamedTuple):
    """The worker died, and how."""

    how: str


class Event(NamedTuple):
    """Something that a worker did: its number, the task it has, and what came."""

    worker: int
    task: Task
    what: Frames | Outcome | Lost


class _Process:
    """One worker, as the parent sees it."""

    def __init__(self, start: Start) -> None:
        self.connection, theirs = Pipe()
        with theirs:
            self._process = start_child("edgeseg.archive.pool", theirs.fileno())
        self.pid = self._process.pid
        self.task: Task | None = None
        self.ready = False
        self._send(start)

    def give(self, task: Task) -> None:
        self.task = task
        self._send(task)

    def _send(self, message: Any) -> None:
        with contextlib.suppress(OSError):  # it is dead, which reading from it tells
            self.connection.send(message)

    def kill(self) -> str:
        """Ends it at once, unless it has ended; how it did."""
        self.connection.close()
        self._process.kill()
        return ending(self._process, DEATH)

    def death(self) -> str:
        """How it ended by itself, as its end of the connection is gone."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(DEATH)
        return self.kill()


class ProcessPool:
    """Worker processes.

    Attributes:
        count: of them.
        started: when, a time.perf_counter() reading.
    """

    def __init__(self, count: int, start: Start) -> None:
        """Starts them; each loads the network by itself.

        Raises:
            OSError: the system allows no more processes.
        """
        self.count = count
        self.started = time.perf_counter()
        self._start = start
        self._failed_starts = 0  # in a row
        self._processes: list[_Process] = []
        try:
            for _ in range(count):
                self._processes.append(_Process(start))
        except BaseException:
            self.close()
            raise

    @property
    def free(self) -> list[int]:
        """Numbers of the workers that have loaded the network, and have nothing to do."""
        return [number for number, each in enumerate(self._processes) if each.ready and each.task is None]

    @property
    def pids(self) -> list[int]:
        """Of the processes."""
        return [each.pid for each in self._processes]

    def give(self, worker: int, task: Task) -> None:
        """Has a free worker do a task."""
        self._processes[worker].give(task)

    def wait(self, seconds: float) -> list[Event]:
        """What workers with a task did meanwhile; it waits for that, but no longer than so many seconds.

        Raises:
            EngineError: a worker cannot load the network, or one after the other dies of that.
        """
        events = []
        of = {each.connection: number for number, each in enumerate(self._processes)}
        for connection in wait(list(of), seconds):
            assert isinstance(connection, Connection)
            number = of[connection]
            process = self._processes[number]
            try:
                message = connection.recv()
            except (EOFError, OSError):
                how = process.death()
                self._failed_starts += not process.ready
                if self._failed_starts > self.count:
                    raise EngineError(
                        f"a worker {how} as it loaded the network; is there enough memory? Take fewer --workers"
                    ) from None
                if process.task is not None:
                    events.append(Event(number, process.task, Lost(how)))
                self._processes[number] = _Process(self._start)
                continue
            if isinstance(message, Ready):
                if message.reason is not None:
                    raise EngineError(message.reason)
                process.ready, self._failed_starts = True, 0
                continue
            task = process.task
            assert task is not None
            if not isinstance(message, Frames):
                process.task = None
            events.append(Event(number, task, message))
        return events

    def close(self) -> None:
        """Ends all; what they had begun is left unfinished. More calls do nothing."""
        for each in self._processes:
            each.kill()
        self._processes = []


def main(handle: int) -> None:
    """What a worker process does: tasks, as long as its parent lives, as the next run writes in the same places."""
    keep_frames()
    warnings.simplefilter("ignore")  # the parent has given them
    connection: Connection[Any, Any] = Connection(handle)
    last = 0.0

    def progress(frames: int) -> None:
        nonlocal last
        if (now := time.perf_counter()) - last >= PROGRESS_SECONDS:
            last = now
            connection.send(Frames(frames))

    start: Start = connection.recv()
    try:
        worker = Worker(*start, progress)
    except EdgeSegError as error:
        connection.send(Ready(str(error)))
        return
    connection.send(Ready())
    with contextlib.suppress(EOFError, OSError):
        while True:
            connection.send(worker.do(connection.recv()))
