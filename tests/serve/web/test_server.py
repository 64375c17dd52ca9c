"""The thread that serves: slow and rude clients, the end."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

pytest.importorskip("starlette", reason="no web server: pip install 'edgeseg[web]'")

import httpx

from edgeseg.serve.settings import ListenSettings
from edgeseg.serve.web import server as server_module
from edgeseg.serve.web.server import WebServer
from tests.serve.web.conftest import Served


def test_closing_frees_the_port_and_more_calls_do_nothing(served: Served) -> None:
    server = WebServer(served.service, ListenSettings("127.0.0.1", 0))
    server.close()  # before it answered
    port = server.port
    again = WebServer(served.service, ListenSettings("127.0.0.1", port))
    again.start()
    assert httpx.get(again.url + "healthz", trust_env=False).status_code == 200
    again.close()
    again.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_closing_ends_readers_of_events(served: Served) -> None:
    with served.client.stream("GET", "/api/events") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        started = time.monotonic()
        served.server.close()
        assert time.monotonic() - started <= server_module.PATIENCE + 1
        list(lines)  # it ends
    assert not served.server._thread.is_alive()


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: local", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET"]
)
def test_who_does_not_ask_is_left(served: Served, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(server_module, "REQUEST_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", served.server.port), 20) as connection:
        connection.sendall(sent)
        while connection.recv(4096):
            pass


def test_half_a_form_holds_no_connection(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_module, "REQUEST_SECONDS", 0.3)
    served = serve(ListenSettings("127.0.0.1", 0, "0123456789abcdef"))
    with socket.create_connection(("127.0.0.1", served.server.port), 10) as connection:
        connection.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\ntoken=")
        assert connection.recv(4096) == b""
    assert served.client.get("/healthz").status_code == 200
    assert "Exception" not in caplog.text


def test_who_takes_no_answer_is_left(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(server_module, "ANSWER_SECONDS", 0.3)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        connection.connect(("127.0.0.1", served.server.port))
        connection.sendall(b"GET /page/camera_card.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 800)  # 5 MB
        deadline = time.monotonic() + 10.0
        open_ones = served.server._server.server_state.connections
        while not open_ones:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        while open_ones:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000,
    ],
)
def test_what_is_no_request_is_refused(served: Served, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port), 20) as connection:
        try:
            connection.sendall(sent)
            assert b" 400 " in connection.recv(4096).partition(b"\r\n")[0]
        except ConnectionError:
            pass  # closed while it was still sent
    assert served.client.get("/healthz").status_code == 200
