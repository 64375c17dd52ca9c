"""Who may come in: Host, Origin, the token, and what every answer carries."""

from __future__ import annotations

import http.client
import logging
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="no web server: pip install 'edgeseg[web]'")

import httpx

from edgeseg.errors import UsageError
from edgeseg.serve.settings import ListenSettings
from edgeseg.serve.web import server as server_module
from edgeseg.serve.web import token as token_module
from edgeseg.serve.web.guard import CONTENT_SECURITY_POLICY
from edgeseg.serve.web.page_files import PATHS
from edgeseg.serve.web.server import WebServer
from tests.serve.web.conftest import Served

TOKEN = "0123456789abcdef-token"


@pytest.fixture
def locked(serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch) -> Served:
    """With a token."""
    monkeypatch.setattr(token_module, "REFUSAL_SECONDS", 0.0)
    return serve(ListenSettings("127.0.0.1", 0, token=TOKEN))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "LOCALHOST:80", "127.9.9.9", "[::1]:8765"])
def test_names_of_this_machine_are_let_in(served: Served, host: str) -> None:
    assert served.client.get("/api/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "10.0.0.1", "[::2]", "[", "", "a@b@c"])
def test_other_names_are_refused(served: Served, host: str) -> None:
    """A site whose name is made to point to this machine (DNS rebinding) is asked for by its own name."""
    answer = served.client.get("/api/status", headers={"Host": host})
    assert answer.status_code == 421
    assert "not this service's" in answer.json()["error"]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "", "http://[", "http:"])
def test_pages_of_other_origins_are_refused(served: Served, origin: str) -> None:
    assert served.client.get("/api/status", headers={"Origin": origin}).status_code == 403


def test_the_own_page_and_programs_are_let_in(served: Served) -> None:
    own = served.server.url.rstrip("/")
    for headers in ({"Origin": own}, {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, {}):
        assert served.client.get("/api/status", headers=headers).status_code == 200
    led = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert served.client.get("/", headers=led).status_code == 200
    shown = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert served.client.get("/api/cameras/gate/frame.jpg", headers=shown).status_code == 403


def test_every_answer_has_the_headers(served: Served) -> None:
    for path in ("/", "/page/page.js", "/api/status", "/metrics", "/nothing", "/api/cameras/gate/frame.jpg"):
        headers = served.client.get(path).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_the_page_loads_nothing_from_elsewhere_and_holds_no_code(served: Served) -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    for path in PATHS:
        if path == "/login":
            continue
        text = served.client.get(path).text
        assert not re.search(r"(?:src|href|import|from)\s*[=(]?\s*[\"'`](?:https?:)?//", text), path
        assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=|innerHTML|outerHTML|eval\(", text), path


def test_without_the_token_only_the_door_is_open(locked: Served) -> None:
    for path in ("/api/status", "/metrics", "/api/events", "/api/openapi.json", "/api/cameras/gate/frame.jpg"):
        answer = locked.client.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    page = locked.client.get("/")
    assert (page.status_code, page.headers["location"]) == (303, "/login")
    assert locked.client.get("/login").status_code == 200
    assert locked.client.get("/page/page.css").status_code == 200
    assert locked.client.get("/healthz").status_code == 200
    assert locked.client.get("/livez").status_code == 200


@pytest.mark.parametrize(
    "shown", [f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer", f"Basic {TOKEN}", TOKEN, "Bearer \xe9"]
)
def test_wrong_tokens_are_refused(locked: Served, shown: str) -> None:
    answer = locked.client.get("/api/status", headers=[(b"Authorization", shown.encode("latin-1"))])
    assert answer.status_code == 401


def test_a_program_shows_the_token(locked: Served) -> None:
    answer = locked.client.get("/api/status", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    by_any_name = {"Authorization": f"Bearer {TOKEN}", "Host": "gate.example:8765"}
    assert locked.client.get("/api/status", headers=by_any_name).status_code == 200


def test_a_browser_gets_a_cookie_for_it(locked: Served) -> None:
    wrong = locked.client.post("/login", data={"token": "not this one at all"})
    assert (wrong.status_code, wrong.headers["location"]) == (303, "/login#wrong")
    assert "set-cookie" not in wrong.headers
    right = locked.client.post("/login", data={"token": TOKEN})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert locked.client.get("/api/status").status_code == 200  # the client has the cookie now
    locked.client.cookies.clear()
    locked.client.cookies.set(cookie.partition("=")[0], "0" * 64)
    assert locked.client.get("/api/status").status_code == 401


def test_services_on_one_host_do_not_log_each_other_out(locked: Served, serve: Callable[..., Served]) -> None:
    other = serve(ListenSettings("127.0.0.1", 0, TOKEN[::-1]))
    assert locked.client.post("/login", data={"token": TOKEN}).status_code == 303
    assert locked.client.post(f"{other.server.url}login", data={"token": TOKEN[::-1]}).status_code == 303
    for served in (locked, other):
        assert locked.client.get(f"{served.server.url}api/status").status_code == 200


def test_a_browser_gives_the_cookie_back(locked: Served) -> None:
    locked.client.post("/login", data={"token": TOKEN})
    assert 'action="/logout"' in locked.client.get("/").text
    assert locked.client.get("/logout").status_code == 405  # no link or picture logs anybody out
    foreign = locked.client.post("/logout", headers={"Origin": "http://evil.example"})
    assert (foreign.status_code, locked.client.get("/api/status").status_code) == (403, 200)
    out = locked.client.post("/logout")
    assert (out.status_code, out.headers["location"]) == (303, "/login")
    assert not list(locked.client.cookies.jar)
    assert locked.client.get("/api/status").status_code == 401
    assert locked.client.get("/").headers["location"] == "/login"
    assert locked.client.post("/logout").status_code == 303  # of a cookie that is no good any more too


def test_without_a_token_nobody_can_log_out(served: Served) -> None:
    page = served.client.get("/").text
    assert "logout" not in page
    assert page.rstrip().endswith("</html>")
    assert served.client.post("/logout").status_code == 404


def test_the_form_is_bounded_and_no_other_site_sends_it(locked: Served) -> None:
    assert locked.client.post("/login", content=b"token=" + b"x" * 100_000).status_code == 413
    assert locked.client.post("/login", content=b"token=x&" * 10).headers["location"] == "/login#wrong"
    foreign = {"Origin": "http://evil.example"}
    assert locked.client.post("/login", data={"token": TOKEN}, headers=foreign).status_code == 403


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        (b"POST /login", b"400"),  # while the body is waited for
        (b"GET /login", b"400"),  # before the answer, which waits for nothing
        (b"GET /api/status", b"401"),  # behind it
        (b"GET /api/events", b"200"),  # within it
    ],
)
def test_a_client_that_breaks_off_http_is_no_line_of_the_log(
    locked: Served, request_line: bytes, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    head = b" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    token = f"Authorization: Bearer {TOKEN}\r\n".encode() if answer == b"200" else b""
    with socket.create_connection(("127.0.0.1", locked.server.port), 20) as client:
        client.sendall(request_line + head + token + b"\r\n" + (b"zz\r\n" if answer == b"400" else b""))
        assert client.recv(100).startswith(b"HTTP/1.1 " + answer)
        with suppress(ConnectionResetError):  # there is something that the server has not read
            if answer != b"400":
                client.sendall(b"zz\r\n")
            while client.recv(65536):
                pass
    assert locked.client.get("/livez").status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_viewer_who_leaves_before_he_is_refused_is_no_line_of_the_log(
    locked: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_module, "REFUSAL_SECONDS", 0.4)
    with socket.create_connection(("127.0.0.1", locked.server.port), 20) as client:
        client.sendall(
            b"GET /live/gate/plain HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        time.sleep(0.2)
    time.sleep(0.5)
    assert locked.client.get("/livez").status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_the_host_header_opens_no_door(locked: Served) -> None:
    """A path that is written into it is not taken for the path that is asked for."""
    connection = http.client.HTTPConnection("127.0.0.1", locked.server.port, timeout=20)
    connection.putrequest("GET", "/api/status", skip_host=True)
    connection.putheader("Host", "127.0.0.1/login?")
    connection.endheaders()
    assert connection.getresponse().status == 401
    connection.close()


def test_two_host_headers_are_refused(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.server.port), 20) as connection:
        connection.sendall(b"GET /api/status HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert b" 400 " in connection.recv(1000).partition(b"\r\n")[0]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Of 127.0.0.1, signed by itself."""
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(paths[0]), "-keyout", str(paths[1])]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl: tests/install-servers.sh installs it")
    return paths


def test_tls(serve: Callable[..., Served], certificate: tuple[Path, Path]) -> None:
    trusted = ssl.create_default_context(cafile=certificate[0])
    served = serve(ListenSettings("127.0.0.1", 0, TOKEN, *certificate), trusted)
    assert served.server.url.startswith("https://")
    right = served.client.post("/login", data={"token": TOKEN})
    assert "; Secure" in right.headers["set-cookie"]
    assert served.client.get("/api/status").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(served.server.url, trust_env=False)  # who does not know the certificate
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(served.server.url.replace("https", "http"), trust_env=False)


def test_who_begins_no_tls_is_left(
    serve: Callable[..., Served], certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "REQUEST_SECONDS", 0.3)
    served = serve(ListenSettings("127.0.0.1", 0, TOKEN, *certificate))
    with socket.create_connection(("127.0.0.1", served.server.port), 30) as connection:
        assert connection.recv(1) == b""  # asyncio's own patience is a minute


def test_what_is_no_certificate_is_refused_at_once(served: Served, certificate: tuple[Path, Path]) -> None:
    listen = ListenSettings("127.0.0.1", 0, TOKEN, certificate[0], certificate[0])
    with pytest.raises(UsageError, match="no certificate in PEM with its key"):
        WebServer(served.service, listen)
