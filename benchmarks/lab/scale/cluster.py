"""What is assumed of machines, network and object store: nothing here was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Cluster:
    """Machines, and the object store that they share.

    Attributes:
        machines: how many.
        cores: of each; a worker a core.
        link: bytes a second of a machine's network, both ways together: 2.5 Gbit/s, the base of EC2's machines of eight
            cores that have "up to 10" (c5.2xlarge).
        store: bytes a second of the object store, over all machines.
        reads: GET and HEAD requests a second that a prefix takes: 5,500, by "Request rate and performance guidelines"
            of Amazon S3's user guide.
        writes: PUT, COPY, POST and DELETE: 3,500, from there.
        prefixes: over which the objects are spread.
        latency: seconds of a request, of which a task makes one after the other: 0.1 to 0.2 for small objects, from
            there.
        keys: that one LIST request gives: 1,000, by its reference.
        lifetime: mean seconds until a machine is lost.
        detection: seconds until that is noticed: Ray's health check, five attempts that fail, three seconds apart.
        replacement: seconds until another is there.
    """

    machines: int
    cores: int = 8
    link: float = 2.5e9 / 8
    store: float = 1e12 / 8
    reads: float = 5500
    writes: float = 3500
    prefixes: int = 1
    latency: float = 0.1
    keys: int = 1000
    lifetime: float = math.inf
    detection: float = 15.0
    replacement: float = 120.0

    @property
    def workers(self) -> int:
        """How many there are."""
        return self.machines * self.cores
