"""The service as it looks from outside: what it prints, and what /proc says of its process."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Sample:
    """What the system said at one moment.

    Attributes:
        seconds: since the service was started.
        memory: bytes of the service's own memory (RssAnon).
        shared: bytes that all its processes have together, each page counted once (Pss).
        descriptors: open in the service.
        threads: of the service.
        processes: its children.
    """

    seconds: float
    memory: int
    shared: int
    descriptors: int
    threads: int
    processes: int


class Watch:
    """Follows a service that prints JSON lines.

    Attributes:
        samples: of the system.
        events: that it printed.
        statuses: that it printed, each with "at", seconds since the start.
    """

    def __init__(self, service: subprocess.Popen[str]) -> None:
        """Starts to read what the service prints."""
        self.samples: list[Sample] = []
        self.events: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self._service = service
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._read, name="watch", daemon=True)
        self._thread.start()

    def sample(self) -> None:
        """Looks at the service's processes now."""
        pid = self._service.pid
        status = fields(Path(f"/proc/{pid}/status"))
        family = [pid, *children(pid)]
        self.samples.append(
            Sample(
                seconds=time.monotonic() - self._started,
                memory=1024 * int(status["RssAnon"].split()[0]),
                shared=sum(pss(each) for each in family),
                descriptors=sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
                threads=int(status["Threads"]),
                processes=len(family) - 1,
            )
        )

    def join(self) -> None:
        """Waits for the last line."""
        self._thread.join()

    def _read(self) -> None:
        assert self._service.stdout is not None
        for line in self._service.stdout:
            data = json.loads(line)
            if "event" in data:
                self.events.append(data["event"])
            else:
                self.statuses.append({**data["status"], "at": time.monotonic() - self._started})


def reader_of(pid: int, port: int) -> int | None:
    """The child of a process that has a connection to a port of this machine; None where none has."""
    remote = f":{port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{words[9]}]" for words in lines if words[2].endswith(remote)}
    for child in children(pid):
        try:
            if any(str(each.readlink()) in sockets for each in Path(f"/proc/{child}/fd").iterdir()):
                return child
        except OSError:  # it is gone
            continue
    return None


def children(pid: int) -> list[int]:
    """Processes that a process has started and that are there."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:  # the thread is gone
            continue
    return found


def pss(pid: int) -> int:
    """Bytes of a process, of shared ones its part; 0 where it is gone."""
    try:
        return 1024 * int(fields(Path(f"/proc/{pid}/smaps_rollup"))["Pss"].split()[0])
    except (OSError, KeyError):
        return 0


def fields(path: Path) -> dict[str, str]:
    """The lines "Name: value" of a file in /proc."""
    pairs = (line.partition(":") for line in path.read_text().splitlines())
    return {name: value.strip() for name, _, value in pairs}
