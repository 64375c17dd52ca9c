"""A host of its own on this machine: a network namespace that hangs on a virtual cable which can be cut."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SERVER = Path(__file__).with_name("network_server.py")
RTSP_SERVER = Path(__file__).with_name("rtsp_server.py")
SYSTEM_PYTHON = "/usr/bin/python3"


class Loopback:
    """Servers on this machine, in processes of their own, that come and go.

    Attributes:
        address: of them.
    """

    address = "127.0.0.1"
    prefix: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._servers: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, server: Path = SERVER, python: str = sys.executable) -> subprocess.Popen[str]:
        """Starts a server, and waits until it serves."""
        command = [*self.prefix, python, str(server), *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._servers.append(process)
        assert process.stdout is not None
        if not process.stdout.readline().strip():
            pytest.skip(f"{server.name} does not run here: tests/install-servers.sh installs what it needs")
        return process

    def rtsp(self, port: int) -> subprocess.Popen[str]:
        """Starts GStreamer's RTSP server, in the system's Python."""
        if not Path(SYSTEM_PYTHON).exists():
            pytest.skip(f"no {SYSTEM_PYTHON}")
        return self.start(f"--bind={self.address}:{port}", server=RTSP_SERVER, python=SYSTEM_PYTHON)

    def stop(self, process: subprocess.Popen[str]) -> None:
        """Kills a server, whose port is then free."""
        process.kill()
        process.wait()

    def remove(self) -> None:
        """Ends the servers."""
        for process in self._servers:
            self.stop(process)
            if process.stdout is not None:
                process.stdout.close()


class Host(Loopback):
    """A namespace with its servers.

    Attributes:
        address: of the host.
        here: of this machine, as the host sees it.
        absent: one in the same network that nobody has.
    """

    def __init__(self, number: int) -> None:
        """Makes it; skips the test where that is not possible."""
        super().__init__()
        if shutil.which("ip") is None or shutil.which("tc") is None:
            pytest.skip("no commands ip and tc: tests/install-servers.sh installs them")
        if os.geteuid() != 0:
            pytest.skip("network namespaces are made by root alone")
        self._name = f"edgeseg{os.getpid()}-{number}"
        self._link = f"es{os.getpid() % 1000000}v{number % 1000}"
        self.prefix = ("ip", "netns", "exec", self._name)
        place = 8 * (os.getpid() * 7 + number)  # a /29 of 198.18.0.0/15, which is for tests (RFC 2544)
        network = f"198.{18 + place // 65536 % 2}.{place // 256 % 256}"
        self.here, self.address, self.absent = (f"{network}.{place % 256 + each}" for each in (1, 2, 3))
        try:
            run("ip", "netns", "add", self._name)
            run("ip", "link", "add", self._link, "type", "veth", "peer", "name", "cable", "netns", self._name)
            run("ip", "address", "add", f"{self.here}/29", "dev", self._link)
            run("ip", "link", "set", self._link, "up")
            self.inside("ip", "address", "add", f"{self.address}/29", "dev", "cable")
            self.inside("ip", "link", "set", "lo", "up")
            self.inside("ip", "link", "set", "cable", "up")
        except subprocess.CalledProcessError as error:
            self.remove()
            pytest.skip(f"no network namespace can be made here: {error.stderr.strip()}")

    def inside(self, *command: str) -> None:
        """Runs a command in the namespace."""
        run(*self.prefix, *command)

    def cut(self) -> None:
        """From now on, nothing that either side sends arrives, and neither side is told."""
        run("tc", "qdisc", "add", "dev", self._link, "root", "blackhole")
        self.inside("tc", "qdisc", "add", "dev", "cable", "root", "blackhole")

    def mend(self) -> None:
        """Everything arrives again."""
        run("tc", "qdisc", "delete", "dev", self._link, "root")
        self.inside("tc", "qdisc", "delete", "dev", "cable", "root")

    def unplug(self) -> None:
        """The link is down."""
        run("ip", "link", "set", self._link, "down")

    def plug(self) -> None:
        """The link is up again."""
        run("ip", "link", "set", self._link, "up")

    def disturb(self, *discipline: str) -> None:
        """What the host sends goes through a queueing discipline of tc's; skips the test where the kernel has none."""
        try:
            self.inside("tc", "qdisc", "add", "dev", "cable", "root", *discipline)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this kernel has no {discipline[0]}: {error.stderr.strip()}")

    def remove(self) -> None:
        """Ends the servers and takes everything away."""
        super().remove()
        subprocess.run(["ip", "link", "delete", self._link], capture_output=True)
        subprocess.run(["ip", "netns", "delete", self._name], capture_output=True)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def free_port() -> str:
    """A port of this machine that nothing listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> float:
    """Waits until a condition holds; how long that took, in seconds."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it never happened"
        time.sleep(0.02)
    return time.monotonic() - started
