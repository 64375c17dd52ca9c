"""A supervisor whose child is a stand-in: what the system does to it, and no server is needed for."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest

from edgeseg.video.mailbox import Mailbox
from edgeseg.video.source import Skipped
from edgeseg.video.supervised.channel import Channel
from edgeseg.video.supervised.life import Policy
from edgeseg.video.supervised.request import Request
from edgeseg.video.supervised.status import Status
from edgeseg.video.supervised.supervisor import Supervisor
from tests.video.namespace import wait_until

SECONDS = 60.0

POLICY = Policy(connect_within=0.5, first_delay=0.01, longest_delay=0.02)


class Child:
    """Connects never; `dies` says whether a signal ends it."""

    made: list[Child]
    dies = True

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel, self.theirs = Channel(ours), Channel(theirs)
        self.pid = len(self.made) + 1
        self.alive = True
        self.number = 0
        self.made.append(self)

    def connect(self, number: int, request: Request) -> None:
        del request
        self.number = number

    def kill(self) -> str:
        self.channel.close()
        self.theirs.close()
        self.alive = not self.dies
        return "cannot be ended" if self.alive else "was ended by SIGKILL"

    def close(self) -> None:
        self.kill()

    def is_alive(self) -> bool:
        return self.alive


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[Child]:
    """Takes the place of all processes; those that were made."""
    Child.made = []
    monkeypatch.setattr("edgeseg.video.supervised.supervisor.ChildProcess", Child)
    return Child.made


@pytest.fixture
def told() -> list[Status]:
    """What the supervisor told."""
    return []


@pytest.fixture
def supervisor(children: list[Child], told: list[Status]) -> Iterator[Supervisor]:
    del children
    source = Supervisor("cam", Request("0"), POLICY, Mailbox(Skipped()), told.append, lambda _: None)
    yield source
    source.close()


def test_memory_that_cannot_be_mapped_costs_this_connection(
    supervisor: Supervisor, children: list[Child], told: list[Status], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("edgeseg.video.supervised.supervisor.FrameReader", refuse)
    wait_until(lambda: bool(children) and children[0].number > 0, SECONDS)
    handle = os.open(os.devnull, os.O_RDONLY)
    children[0].theirs.send({"number": 1, "slot": 0, "size": [4, 4]}, handle)
    os.close(handle)
    wait_until(lambda: supervisor.connection.reconnects.get("crashed") == 1, SECONDS)
    assert any("gave what could not be taken (Too many open files), and was ended" in str(each.reason) for each in told)
    wait_until(lambda: len(children) > 1 and children[-1].number > 1, SECONDS)  # and it is tried again


def test_while_a_process_that_cannot_be_ended_lives_no_other_is_started(
    supervisor: Supervisor, children: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Child, "dies", False)
    wait_until(lambda: supervisor.connection.reconnects.get("crashed", 0) >= 3, SECONDS)
    assert len(children) == 1
    assert supervisor.status.reason == (
        "cam: process 1, which reads it, hangs in the system and cannot be ended; no other is started before it has"
    )
    monkeypatch.setattr(Child, "dies", True)
    children[0].alive = False  # the driver let it go at last
    wait_until(lambda: len(children) > 1, SECONDS)


def test_a_process_that_starts_late_still_says_why_it_cannot_connect(children: list[Child]) -> None:
    policy = Policy(give_up_after=2.0, first_delay=9.0, longest_delay=9.0)
    mailbox = Mailbox(Skipped())
    source = Supervisor("cam", Request("0"), policy, mailbox, lambda _: None, lambda _: None)
    try:
        wait_until(lambda: bool(children) and children[0].number > 0, SECONDS)
        time.sleep(1.5)
        children[0].theirs.send({"number": 1, "connecting": True})
        time.sleep(1)
        children[0].theirs.send({"number": 1, "lost": "refused", "reason": "the door is shut"})
        error = mailbox.take(SECONDS, first=True)[1]
    finally:
        source.close()
    assert str(error) == "cam gave no frame for 2 s (the door is shut)"
