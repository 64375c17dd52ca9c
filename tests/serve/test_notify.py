"""systemd is told what sd_notify(3) asks for, and nothing where it does not ask."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from edgeseg.serve.notify import Notifier


def received(address: str, notifier: Notifier) -> list[str]:
    """What a socket at that address gets."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as system:
        system.bind(address)
        notifier.ready("fine")
        notifier.alive("2 of 2")
        notifier.reloading()
        notifier.stopping()
        notifier.alive("too late")
        system.setblocking(False)
        told = [system.recv(4096).decode() for _ in range(4)]
        with pytest.raises(BlockingIOError):
            system.recv(4096)
        return told


@pytest.mark.parametrize("abstract", [False, True])
def test_words(tmp_path: Path, abstract: bool) -> None:
    name = f"edgeseg-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    environment = {"NOTIFY_SOCKET": f"@{name}" if abstract else name, "OTHER": "1"}
    before = time.monotonic_ns() // 1000
    told = received(f"\0{name}" if abstract else name, Notifier(environment))
    assert environment == {"OTHER": "1"}  # children are not to speak for the service
    assert told[:2] == ["READY=1\nSTATUS=fine", "WATCHDOG=1\nSTATUS=2 of 2"]
    word, _, moment = told[2].partition("\nMONOTONIC_USEC=")
    assert word == "RELOADING=1"
    assert before <= int(moment) <= time.monotonic_ns() // 1000
    assert told[3] == "STOPPING=1"


def test_the_watchdog_is_told_three_times_in_its_period() -> None:
    assert Notifier({"WATCHDOG_USEC": "30000000"}).period == 10.0
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}).period == 10.0
    assert Notifier({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}).period is None
    for nothing in ("", "0", "x"):
        assert Notifier({"WATCHDOG_USEC": nothing}).period is None


def test_nobody_asks_and_nobody_listens(tmp_path: Path) -> None:
    Notifier({}).ready("fine")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "none")}).ready("fine")
