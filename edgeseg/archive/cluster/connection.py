"""The connection to a Ray cluster.

Ray's own attempt at an address where no cluster is takes two minutes and then ends the process. So the port is tried
first, and then Ray in a child process, whose time is limited.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

from edgeseg.errors import EngineError, UsageError

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray asks when it starts whether it may report to its makers

import ray

LOCAL = "local"
"""The address of a cluster that is started here, and ends with the run."""

PORT_SECONDS = 5.0
"""That a machine has to accept a connection."""

RAY_SECONDS = 30.0
"""That a cluster has to let a process join, the import of Ray included."""

STORE = 2**28
"""Bytes of the object store of a cluster that is started here, which holds the bundle."""

ATTEMPT = """
import sys, ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level="error")
except (Exception, SystemExit) as error:
    print(error)
    sys.exit(1)
ray.shutdown()
"""


class Resources(NamedTuple):
    """What one worker takes of a machine: CPUs, and GPUs."""

    cpus: int
    gpus: int

    @classmethod
    def of(cls, runs_on_cpu: bool) -> Resources:
        """One core, as an inference runs on one thread, or decoding does; and a GPU, if the runtime needs one."""
        return cls(1, 0 if runs_on_cpu else 1)

    @property
    def room(self) -> int:
        """How many such workers the machines of the cluster hold.

        Raises:
            UsageError: none.
        """
        room = 0
        nodes: Any = ray.nodes  # it has no types
        for node in nodes():
            if node["Alive"]:
                has = node["Resources"]
                rooms = [int(has.get("CPU", 0)) // self.cpus]
                rooms += [int(has.get("GPU", 0)) // self.gpus] if self.gpus else []
                room += min(rooms)
        if room == 0:
            wanted = f"{self.cpus} CPU" + (f" and {self.gpus} GPU" if self.gpus else "")
            raise UsageError(
                f"no machine of the Ray cluster has {wanted} for a worker; add one that has, or choose another --engine"
            )
        return room


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Joins a cluster; the block is a driver of it.

    Args:
        address: "local" starts one here; "auto" is the one that this machine belongs to; HOST:PORT is its head's.

    Raises:
        UsageError: the address is none.
        EngineError: nothing answers there, or no Ray of the same version.
    """
    before = signal.getsignal(signal.SIGTERM)  # Ray sets its own
    options: dict[str, Any] = {"object_store_memory": STORE, "include_dashboard": False} if address == LOCAL else {}
    if address != LOCAL:
        _check(address)
    with Path(os.devnull).open("w") as null, redirect_stdout(null):  # where Ray says which workers died
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
        except (Exception, SystemExit) as error:
            raise EngineError(_refusal(address, str(error))) from error
        signal.signal(signal.SIGTERM, before)
        try:
            yield
        finally:
            ray.shutdown()


def _check(address: str) -> None:
    """Raises EdgeSegError unless a driver here can join the cluster, within bounded time."""
    if address != "auto":
        host, colon, port = address.rpartition(":")
        if not colon or not re.fullmatch(r"[\w.-]+|\[[0-9a-fA-F:]+\]", host) or not _is_port(port):
            raise UsageError(
                f"--ray is {address}, expected local, auto or HOST:PORT, the address of a cluster's head (often port "
                "6379); run the command on a machine of the cluster"
            )
        try:
            socket.create_connection((host.strip("[]"), int(port)), PORT_SECONDS).close()
        except (OSError, UnicodeError) as error:  # of a host's name with two dots in a row, say
            raise EngineError(_refusal(address, getattr(error, "strerror", None) or str(error))) from error
    try:
        attempt = subprocess.run(
            [sys.executable, "-c", ATTEMPT, address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=RAY_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EngineError(_refusal(address, f"nothing joined within {RAY_SECONDS:g} s")) from None
    if attempt.returncode:
        raise EngineError(_refusal(address, attempt.stdout))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 65536


def _refusal(address: str, reason: str) -> str:
    words = " ".join(reason.split()).rstrip(".") or "it gave no reason"
    if address == LOCAL:
        return f"cannot start Ray here: {words}; is the machine busy? Try again, or leave out --ray"
    where = "on this machine" if address == "auto" else f"at {address}"
    return (
        f"no Ray cluster can be joined {where}: {words}; is it running (ray status), is this one of its machines, and "
        f"has it Ray {ray.__version__} and Python {sys.version_info.major}.{sys.version_info.minor} too?"
    )
