"""Workers, links, object store and driver as queues of jobs.

A task waits for its requests one after the other, while its bytes pass the machine's link and the store; then its core
works, and what it made goes back the same way. Nothing of one task overlaps.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeseg.archive.schedule import Schedule
from edgeseg.archive.tasks import NOTHING, Begun, Finished, Made, Outcome, Task
from edgeseg.archive.videos import Video
from lab.scale.clock import Clock, Queue
from lab.scale.cluster import Cluster
from lab.scale.costs import Archive, Costs, Demand, demand

SHARES = ("frames", "overhead", "store", "lost", "start", "tail", "driver")
"""Where the time of all cores goes, as `Outline` explains them."""


@dataclass(frozen=True)
class Outline:
    """What came out.

    Attributes:
        seconds: from the listing to the last result.
        frames: segmented.
        shares: of all cores' time: frames; overhead (begin, open, join); store (transfers, requests and their queues);
            lost (with machines: their work, and the time until others are there); start (listing and loading); tail
            (workers that find nothing more to do); driver (waiting for it, or for videos to be cut).
        busy: shares of the time that each queue was at work; of the links, the mean.
        failures: videos that came to nothing.
        losses: of machines.
    """

    seconds: float
    frames: int
    shares: dict[str, float]
    busy: dict[str, float]
    failures: int
    losses: int

    @property
    def efficiency(self) -> float:
        """The share of all cores' time that went into frames."""
        return self.shares["frames"]


@dataclass
class _Worker:
    """One core.

    Attributes:
        machine: that it belongs to.
        life: of the machine; what was begun in an earlier one is lost.
        task: that it does.
        since: when it was given that, or when it became idle.
    """

    machine: int
    life: int = 0
    task: Task | None = None
    since: float = 0.0


class Simulation:
    """One run over an archive."""

    def __init__(
        self,
        archive: Archive,
        costs: Costs,
        cluster: Cluster,
        *,
        seed: int = 0,
        vary: Callable[[random.Random], float] = lambda _: 1.0,
    ) -> None:
        """Sets it up.

        Args:
            archive: to be segmented.
            costs: of the work.
            cluster: that does it.
            seed: of the losses, and of what varies.
            vary: by what the seconds of a task's work are multiplied.
        """
        self._archive, self._costs, self._cluster = archive, costs, cluster
        self._chance, self._vary = random.Random(seed), vary
        nowhere = Path()
        self._schedule = Schedule([Video(str(number), nowhere, 0) for number in range(archive.videos)])
        self._workers = [_Worker(number // cluster.cores) for number in range(cluster.workers)]
        self._lives = [0] * cluster.machines
        self._links = [Queue() for _ in range(cluster.machines)]
        self._store, self._reads, self._writes = Queue(), Queue(), Queue()
        self._driver_busy = 0.0
        self._idle: deque[tuple[_Worker, int]] = deque()  # with its life
        self._inbox: list[Callable[[], None]] = []
        self._driving = False
        self._clock = Clock()
        self._losses = 0
        self._spent: dict[str, float] = dict.fromkeys(SHARES, 0.0)
        self._demands: dict[tuple[str, int], Demand] = {}

    def run(self) -> Outline:
        """Runs it to its end."""
        cluster, costs = self._cluster, self._costs
        videos = self._archive.videos
        begin = math.ceil(videos / cluster.keys) * cluster.latency + videos * costs.listing + costs.start
        self._spent["start"] = begin * cluster.workers
        for worker in self._workers:
            self._clock.at(begin, self._free, worker, 0)
        for machine in range(cluster.machines):
            self._die_later(begin, machine)
        while not self._schedule.done:
            self._clock.go_on()
        return self._outline()

    # The driver: it takes all that came since it last looked, and hands out what can be done then.

    def _tell(self, news: Callable[[], None]) -> None:
        self._inbox.append(news)
        if not self._driving:
            self._drive()

    def _drive(self) -> None:
        self._driving = True
        news, self._inbox = self._inbox, []
        costs, workers = self._costs, len(self._workers)
        seconds = costs.driver_task * len(news) + costs.driver_worker * workers
        looks = costs.driver_look * min(workers / costs.look_seconds, costs.looks)  # a share of its time
        most = seconds + costs.driver_look * workers  # one a worker each time it comes by
        seconds = min(seconds / (1 - looks), most) if looks < 1 else most
        self._driver_busy += seconds
        self._clock.at(self._clock.now + seconds, self._driven, news)

    def _driven(self, news: list[Callable[[], None]]) -> None:
        for each in news:
            each()
        while self._idle:
            worker, life = self._idle[0]
            if worker.life == life:
                if (task := self._schedule.next()) is None:
                    break
                self._give(worker, task)
            self._idle.popleft()
        self._driving = False
        if self._inbox:
            self._drive()

    # A worker: requests and bytes, work, requests and bytes.

    def _give(self, worker: _Worker, task: Task) -> None:
        self._spent["driver"] += self._clock.now - worker.since
        worker.task, worker.since = task, self._clock.now
        asked = self._demand(task)
        there = self._transfer(worker, asked.reads, asked.bytes_in, self._reads)
        self._clock.at(there, self._work, worker, worker.life, asked)

    def _demand(self, task: Task) -> Demand:
        key = task.kind, 0 if task.kind != "piece" else self._archive.pieces[task.piece]
        if key not in self._demands:
            self._demands[key] = demand(task, self._archive, self._costs)
        return self._demands[key]

    def _transfer(self, worker: _Worker, requests: int, size: float, queue: Queue) -> float:
        cluster = self._cluster
        rate = cluster.prefixes * (cluster.reads if queue is self._reads else cluster.writes)
        ends = [queue.take(self._clock.now, requests / rate), self._store.take(self._clock.now, size / cluster.store)]
        ends.append(self._links[worker.machine].take(self._clock.now, size / cluster.link))
        return max(ends) + requests * cluster.latency

    def _work(self, worker: _Worker, life: int, asked: Demand) -> None:
        if worker.life == life:
            vary = self._vary(self._chance)
            rest, frames = vary * asked.seconds, vary * asked.frames * self._costs.frame
            self._clock.at(self._clock.now + rest + frames, self._put, worker, life, asked, rest, frames)

    def _put(self, worker: _Worker, life: int, asked: Demand, rest: float, frames: float) -> None:
        if worker.life == life:
            end = self._transfer(worker, asked.writes, asked.bytes_out, self._writes)
            self._clock.at(end, self._finish, worker, life, rest, frames)

    def _finish(self, worker: _Worker, life: int, rest: float, frames: float) -> None:
        if worker.life != life:
            return
        spent = self._spent
        spent["frames"] += frames
        spent["overhead"] += rest
        spent["store"] += self._clock.now - worker.since - rest - frames
        task = worker.task
        assert task is not None
        self._free(worker, life, lambda: self._schedule.note(task, self._outcome(task)))

    def _free(self, worker: _Worker, life: int, note: Callable[[], None] = lambda: None) -> None:
        """It has nothing to do, which the driver is told."""
        worker.task, worker.since = None, self._clock.now

        def news() -> None:
            note()
            self._idle.append((worker, life))

        self._tell(news)

    def _outcome(self, task: Task) -> Outcome:
        pieces, frames = self._archive.pieces, self._archive.frames
        if task.kind == "piece":
            return Made(NOTHING._replace(frames=pieces[task.piece]))
        if task.kind == "begin" and len(pieces) > 1:
            return Begun(len(pieces), frozenset(), 0, frames)
        return Finished(frames, NOTHING._replace(frames=0 if task.kind == "join" else frames), False, ())

    # Machines that are lost.

    def _die_later(self, now: float, machine: int) -> None:
        if self._cluster.lifetime < math.inf:
            life = self._chance.expovariate(1 / self._cluster.lifetime)
            self._clock.at(now + life, self._die, machine)

    def _die(self, machine: int) -> None:
        self._losses += 1
        cores, cluster = self._cluster.cores, self._cluster
        noticed = self._clock.now + cluster.detection
        back = noticed + cluster.replacement + self._costs.start
        for worker in self._workers[machine * cores : (machine + 1) * cores]:
            worker.life += 1
            if worker.task is not None:
                self._clock.at(noticed, self._miss, worker.task)
            self._spent["driver" if worker.task is None else "lost"] += self._clock.now - worker.since
            self._spent["lost"] += back - self._clock.now
            worker.task, worker.since = None, back
            self._clock.at(back, self._free, worker, worker.life)
        self._die_later(back, machine)

    def _miss(self, task: Task) -> None:
        self._tell(lambda: self._schedule.lost(task, "was lost"))

    def _outline(self) -> Outline:
        end, workers = self._clock.now, len(self._workers)
        self._spent["tail"] = sum(max(0.0, end - worker.since) for worker in self._workers)
        self._spent["lost"] -= sum(max(0.0, worker.since - end) for worker in self._workers)  # not yet replaced
        total = end * workers
        busy = {
            "driver": self._driver_busy / end,
            "store": self._store.busy / end,
            "reads": self._reads.busy / end,
            "writes": self._writes.busy / end,
            "link": sum(link.busy for link in self._links) / len(self._links) / end,
        }
        shares = {name: seconds / total for name, seconds in self._spent.items()}
        return Outline(end, self._schedule.frames, shares, busy, len(self._schedule.failures), self._losses)
