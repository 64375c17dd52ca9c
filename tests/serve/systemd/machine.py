"""A Debian of its own, booted by systemd-nspawn in namespaces: its root is what .ci/service_root makes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from lab.soak.watch import children, fields

UNIT = "edgeseg.service"
SECONDS = 120.0
"""That anything may take, on a machine that others use too."""


def wait_for(what: str, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Waits until something holds.

    Raises:
        AssertionError: it does not within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.2)


class Machine:
    """Runs until it is closed; its network is that of this machine.

    Attributes:
        root: its root folder, as it looks from here.
        port: of the service's page.
    """

    def __init__(self, root: Path, port: int, log: IO[bytes]) -> None:
        """Boots it."""
        self.root, self.port = root, port
        command = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--machine=edgeseg-test"]
        self._nspawn = subprocess.Popen(
            [*command, "--console=pipe", f"--directory={root}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        wait_for("a first process", lambda: bool(children(self._nspawn.pid)))
        self._first = children(self._nspawn.pid)[0]
        wait_for("a boot", lambda: self.run("systemctl", "is-system-running").strip() in ("running", "degraded"))

    def run(self, *command: str) -> str:
        """What a command in it prints, whether it succeeds or not."""
        return self._inside(*command).stdout

    def check(self, *command: str) -> str:
        """What a command in it prints, which is to succeed."""
        result = self._inside(*command)
        assert result.returncode == 0, f"{command} ended with {result.returncode}: {result.stdout}"
        return result.stdout

    def property(self, name: str) -> str:
        """What systemd knows of the unit."""
        return self.check("systemctl", "show", "--value", f"--property={name}", UNIT).strip()

    def processes(self) -> dict[int, int]:
        """All of the service's user: their numbers here, and those in the machine."""
        entries = [line.split(":") for line in (self.root / "etc/passwd").read_text().splitlines()]
        user = next(entry[2] for entry in entries if entry[0] == "edgeseg")
        namespace = Path(f"/proc/{self._first}/ns/pid").readlink()
        found: dict[int, int] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                status = fields(folder / "status")
                if status["Uid"].split()[0] == user and (folder / "ns/pid").readlink() == namespace:
                    found[int(folder.name)] = int(status["NSpid"].split()[-1])
            except OSError:  # it has ended
                continue
        return found

    def main(self) -> int:
        """The unit's main process, by its number here."""
        inside = int(self.property("MainPID"))
        return next(here for here, there in self.processes().items() if there == inside)

    def journal(self) -> str:
        """What the unit has said so far."""
        return self.check("journalctl", "--quiet", "--output=cat", f"--unit={UNIT}")

    def status(self) -> dict[str, Any]:
        """What the page says."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/status", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def _inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        entry = ["nsenter", f"--target={self._first}", "--all", "--root", "--wd"]
        return subprocess.run(
            [*entry, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def close(self) -> None:
        """Turns it off."""
        self._nspawn.send_signal(signal.SIGTERM)
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            os.kill(self._first, signal.SIGKILL)
            self._nspawn.kill()
            self._nspawn.wait()
