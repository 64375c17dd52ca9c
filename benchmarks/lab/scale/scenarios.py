"""The questions: archives and clusters that are simulated, by name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from lab.scale.cluster import Cluster
from lab.scale.costs import Archive, Costs
from lab.scale.simulation import Outline, Simulation

MACHINES = (10, 30, 100, 300, 1000)

FPS = 25

HOUR = partial(Archive.cut, 10_000, 3600 * FPS)
"""10,000 hours in files of an hour; it takes the frames of a piece."""

CLIPS = Archive.cut(1_000_000, 10 * FPS, 60 * FPS)
"""1,000,000 clips of ten seconds."""

NFS = Cluster(1, store=1.25e9, reads=math.inf, writes=math.inf, latency=0.001)
"""One file server with 10 Gbit/s instead of an object store, and no limit of its requests."""


@dataclass(frozen=True)
class Scenario:
    """One run that is simulated.

    Attributes:
        group: of scenarios that are read together.
        name: in it.
        archive: that is segmented.
        cluster: that does it.
    """

    group: str
    name: str
    archive: Archive
    cluster: Cluster

    def run(self, costs: Costs) -> dict[str, Any]:
        """What came out, as JSON."""
        outline = Simulation(self.archive, costs, self.cluster).run()
        return {
            "group": self.group,
            "name": self.name,
            "machines": self.cluster.machines,
            "frames_of_a_piece": self.archive.pieces[0],
            "fps": outline.frames / outline.seconds,
            "efficiency": outline.efficiency,
            "limit": limit(outline),
            **vars(outline),
        }


def scenarios() -> Iterator[Scenario]:
    """All of them."""
    hours = HOUR(60 * FPS)
    for machines in MACHINES:
        yield Scenario("hours", "10,000 files of an hour", hours, Cluster(machines))
    for machines in MACHINES:
        yield Scenario("clips", "1,000,000 clips of 10 s", CLIPS, Cluster(machines))
    most = Cluster(MACHINES[-1])
    yield Scenario("clips", "the same, over 10 prefixes", CLIPS, replace(most, prefixes=10))
    for seconds in (240, 600, 3600):
        yield Scenario("pieces", f"pieces of {seconds} s", HOUR(seconds * FPS), most)
    for hours_between, seconds in ((100, 60), (10, 60), (10, 600)):
        name = f"pieces of {seconds} s, a machine is lost after {hours_between} h on average"
        yield Scenario("losses", name, HOUR(seconds * FPS), replace(most, lifetime=3600.0 * hours_between))
    for machines in (100, 1000):
        yield Scenario("nfs", "10,000 files of an hour on one file server", hours, replace(NFS, machines=machines))


def limit(outline: Outline) -> str:
    """The queue that was full, if one was, else what took most of the cores' time beside the frames.

    The driver comes by the more often the less there is to do, and is busy long before workers wait for it.
    """
    rest = {name: share for name, share in outline.shares.items() if name != "frames"}
    queues = {name: share for name, share in outline.busy.items() if name != "driver"}
    queue = max(queues, key=lambda name: queues[name])
    full = queues[queue] >= 0.9  # of the whole time, its beginning and end included
    return queue if full else max(rest, key=lambda name: rest[name])
