"""A repository, and a web server on this machine that can be made to misbehave."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from edgeseg.bundle import Bundle
from edgeseg.keys import read_private_key, write_keys
from edgeseg.spec import Spec

Key = Any
"""Ed25519PrivateKey, which need not be installed."""

CHUNK = 65536


class Server(ThreadingHTTPServer):
    """Serves a folder on 127.0.0.1.

    Attributes:
        folder: may be another at any time.
        faults: by the end of a path, what happens to it: "cut" ends the connection in the middle, "endless" never ends,
            "loop" leads back to the same path.
        fatal: the number of the request that is cut, the first being 0.
        paths: of all requests.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.faults: dict[str, str] = {}
        self.fatal: int | None = None
        self.paths: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error."""


class Handler(SimpleHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        path = self.server.folder / self.path.lstrip("/")
        number = len(self.server.paths)
        self.server.paths.append(self.path)
        fault = next((fault for end, fault in self.server.faults.items() if self.path.endswith(end)), None)
        if number == self.server.fatal:
            fault = "cut"
        if fault == "loop":
            self.send_response(302)
            self.send_header("Location", f"{self.server.url}{self.path}")
            self.end_headers()
            return
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        self.send_response(200)
        if fault != "endless":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault == "cut" else content)
        while fault == "endless":
            self.wfile.write(b" " * CHUNK)

    def log_message(self, *words: object) -> None:
        """Says nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("EDGESEG_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server(tmp_path / "repository") as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def make_key(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Key]:
    """`make_key(name)`: a private key."""
    folder = tmp_path_factory.mktemp("keys")

    def make(name: str) -> Key:
        if not (folder / f"{name}.key").exists():
            write_keys(folder / name, None)
        return read_private_key(folder / f"{name}.key", lambda: "")

    return make


@pytest.fixture
def bundle(tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    (tmp_path / "made").mkdir()
    return make_bundle(tmp_path / "made/tiny", spec)
