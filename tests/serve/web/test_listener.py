"""The socket: what holds the port is said, and connections are bounded."""

from __future__ import annotations

import socket
import time

import pytest

pytest.importorskip("starlette", reason="no web server: pip install 'edgeseg[web]'")

import httpx

from edgeseg.errors import UsageError
from edgeseg.serve.settings import ListenSettings
from edgeseg.serve.web import listener
from edgeseg.serve.web.listener import listen_at
from tests.serve.web.conftest import Served


def test_a_port_in_use_is_said() -> None:
    with listen_at(ListenSettings("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(UsageError, match=rf"127.0.0.1, port {port}: Address already in use"):
            listen_at(ListenSettings("127.0.0.1", port))


@pytest.mark.parametrize("host", ["192.0.2.1", "nobody.invalid"])
def test_an_address_of_another_machine_is_said(host: str) -> None:
    with pytest.raises(UsageError, match=f"cannot listen at {host}"):
        listen_at(ListenSettings(host, 8765))


def test_ipv6() -> None:
    with listen_at(ListenSettings("::1", 0)) as found:
        assert found.family is socket.AF_INET6


def test_more_connections_than_there_is_room_for_are_closed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.client.close()  # its connection counts too
    monkeypatch.setattr(listener, "MOST_CONNECTIONS", 5)
    address = "127.0.0.1", served.server.port
    silent = [socket.create_connection(address, 20) for _ in range(5)]
    for _ in range(3):
        with socket.create_connection(address, 20) as more:
            assert more.recv(1) == b""
    for each in silent[:2]:
        each.close()
    deadline = time.monotonic() + 20
    while True:
        try:
            answer = httpx.get(f"{served.server.url}healthz", trust_env=False)
            break
        except httpx.TransportError:  # the server has not seen yet that the two are closed
            assert time.monotonic() < deadline
    assert answer.status_code == 200
    for each in silent:
        each.close()
