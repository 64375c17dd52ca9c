"""One camera on this machine that breaks and is mended, in ways and at times drawn from a seed."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SERVER = Path(__file__).resolve().parents[3] / "tests/video/network_server.py"

BETWEEN = (8.0, 30.0)
"""Seconds between two faults."""

LASTING = (0.5, 10.0)
"""Seconds until a fault is mended."""

SIZES = ("640x480", "960x540", "1280x720")


class Fault(NamedTuple):
    """One of a camera's.

    Attributes:
        kind: of it.
        began: a reading of time.time().
        mended: when the server was as before; for a reader it is the moment after it began.
    """

    kind: str
    began: float
    mended: float


class FaultyCamera:
    """An MJPEG camera whose server, or whose reader in the service, is ended, stopped or exchanged.

    Attributes:
        name: of the camera.
        port: of its server, on this machine.
        faults: that came and are over.
    """

    def __init__(self, name: str, seed: int, reader: Callable[[str], int | None]) -> None:
        """Starts the server.

        Args:
            name: of the camera.
            seed: of the faults.
            reader: gives the process that reads a camera of that name in the service; None while there is none.
        """
        self.name = name
        self.port = free_port()
        self.faults: list[Fault] = []
        self._random = random.Random(seed)
        self._reader = reader
        self._size = SIZES[seed % len(SIZES)]
        self._stop = threading.Event()
        self._server = self._serve("mjpeg")
        self._thread = threading.Thread(target=self._run, name=f"faults-{name}", daemon=True)

    def start(self) -> None:
        """Begins with the faults."""
        self._thread.start()

    def rest(self) -> None:
        """Ends the faults; the last one is mended."""
        self._stop.set()
        self._thread.join()

    def close(self) -> None:
        """Ends the server."""
        self._server.kill()
        self._server.wait()

    def _run(self) -> None:
        kinds = {
            "server killed": self._kill,
            "server stopped": self._halt,
            "garbage": self._garbage,
            "another size": self._resize,
            "reader killed": self._kill_reader,
            "reader stopped": self._halt_reader,
        }
        while not self._stop.wait(self._random.uniform(*BETWEEN)):
            kind = self._random.choice(list(kinds))
            began = time.time()
            kinds[kind]()
            self.faults.append(Fault(kind, began, time.time()))

    def _last(self) -> None:
        self._stop.wait(self._random.uniform(*LASTING))

    def _kill(self) -> None:
        self.close()
        self._last()
        self._server = self._serve("mjpeg")

    def _halt(self) -> None:
        self._server.send_signal(signal.SIGSTOP)
        self._last()
        self._server.send_signal(signal.SIGCONT)

    def _garbage(self) -> None:
        self.close()
        self._server = self._serve("garbage")
        self._last()
        self.close()
        self._server = self._serve("mjpeg")

    def _resize(self) -> None:
        self.close()
        self._size = self._random.choice(SIZES)
        self._server = self._serve("mjpeg")

    def _kill_reader(self) -> None:
        self._signal_reader(signal.SIGKILL)

    def _halt_reader(self) -> None:
        """It is never told to go on: it has to be found out, and ended."""
        self._signal_reader(signal.SIGSTOP)

    def _signal_reader(self, number: signal.Signals) -> None:
        if (pid := self._reader(self.name)) is not None:
            subprocess.run(["kill", f"-{number.name[3:]}", str(pid)], check=False, capture_output=True)

    def _serve(self, kind: str) -> subprocess.Popen[bytes]:
        """A server that is ready."""
        command = [sys.executable, str(SERVER), kind, str(self.port), f"size={self._size}", "fps=20"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert server.stdout is not None
        with server.stdout:
            server.stdout.readline()
        return server


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
