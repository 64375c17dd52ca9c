"""A supervised source's process: killed, stopped, let go."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

from edgeseg.video.supervised.life import Policy
from tests.video.namespace import Loopback, free_port, wait_until
from tests.video.supervised.conftest import FAULTS, POLICY, SECONDS, check_order, read_until, supervised

pytestmark = FAULTS


def test_a_child_that_is_killed(loopback: Loopback) -> None:
    port = free_port()
    loopback.start("mjpeg", port)
    said: list[str] = []
    with supervised(f"http://127.0.0.1:{port}", said) as source:
        frames = read_until(source, lambda frame: frame.index >= 10)
        pid = source.status.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        frames += read_until(source, lambda frame: frame.index >= frames[-1].index + 10)
        assert source.status.pid not in (None, pid)
        assert source.connection.reconnects == {"crashed": 1}
        assert source.connection.gaps == 1
    check_order(frames)
    assert any("the process that reads it was ended by SIGKILL" in sentence for sentence in said)


def test_a_child_that_is_stopped_is_stalled_and_killed(loopback: Loopback) -> None:
    port = free_port()
    loopback.start("mjpeg", port)
    with supervised(f"http://127.0.0.1:{port}") as source:
        frames = read_until(source, lambda frame: frame.index >= 10)
        pid = source.status.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: source.status.state == "stalled", SECONDS)
        assert source.status.reason == f"{source.name} gave no new frame for 1 s"
        frames += read_until(source, lambda frame: frame.index >= frames[-1].index + 10)
        assert source.connection.reconnects == {"stalled": 1}
        assert (source.connection.stalls, source.connection.gaps) == (1, 1)
        assert source.connection.gap_seconds >= 2 * POLICY.stall_after
    check_order(frames)
    assert not Path(f"/proc/{pid}").exists()


def test_a_child_that_goes_on_in_time_keeps_its_connection(loopback: Loopback) -> None:
    port = free_port()
    loopback.start("mjpeg", port)
    with supervised(f"http://127.0.0.1:{port}", policy=Policy(stall_after=3.0), timeout=60) as source:
        frames = read_until(source, lambda frame: frame.index >= 10)
        pid = source.status.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: source.status.state == "stalled", SECONDS)
        os.kill(pid, signal.SIGCONT)
        frames += read_until(source, lambda frame: frame.index >= frames[-1].index + 10)
        assert source.status.pid == pid
        assert source.connection.reconnects == {}
        assert (source.connection.stalls, source.connection.gaps) == (1, 1)
    check_order(frames)


def test_one_that_nobody_holds_ends_its_process(loopback: Loopback) -> None:
    port = free_port()
    loopback.start("mjpeg", port)
    source = supervised(f"http://127.0.0.1:{port}")
    next(source)
    pid = source.status.pid
    del source
    gc.collect()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), SECONDS)
