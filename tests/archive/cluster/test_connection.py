"""An address where no Ray cluster answers is one sentence, within bounded time."""

from __future__ import annotations

import socket
import subprocess
from typing import Any

import pytest

pytest.importorskip("edgeseg.archive.cluster.connection", reason="clusters need Ray: pip install 'edgeseg[ray]'")

import ray

from edgeseg.archive.cluster import connection
from edgeseg.archive.cluster.connection import Resources, connected
from edgeseg.errors import EngineError, UsageError


@pytest.mark.parametrize("address", ["", "rubbish", "ray://head:10001", "head", "head:0", "head:x", "a b:1", ":6379"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="expected local, auto or HOST:PORT"), connected(address):
        pass


def test_a_port_that_is_closed() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # and it does not listen
        port = free.getsockname()[1]
        with pytest.raises(EngineError, match="Connection refused; is it running"), connected(f"127.0.0.1:{port}"):
            pass


def test_a_name_that_no_host_can_have() -> None:
    with pytest.raises(EngineError, match="no Ray cluster can be joined"), connected("head..local:6379"):
        pass


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RAY_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        with pytest.raises(EngineError, match=r"nothing joined within 0\.5 s"), connected(f"127.0.0.1:{port}"):
            pass


def test_a_cluster_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Version mismatch: The cluster was started with:\n    Ray: 2.9.0\n    Python: 3.9\n"

    def refuse(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, said, None)

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(EngineError, match=r"started with: Ray: 2\.9\.0 Python: 3\.9; is it running"), connected("auto"):
        pass


def test_a_worker_needs_a_gpu_where_its_runtime_does(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 4.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 8.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
        {"Alive": True, "Resources": {"CPU": 1.0, "GPU": 4.0}},
    ]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    assert Resources.of(runs_on_cpu=True).room == 13
    assert Resources.of(runs_on_cpu=False).room == 3
    nodes[:] = nodes[1:2]
    with pytest.raises(UsageError, match="no machine of the Ray cluster has 1 CPU and 1 GPU"):
        _ = Resources.of(runs_on_cpu=False).room
