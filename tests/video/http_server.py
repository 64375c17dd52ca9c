"""HTTP servers for tests of what FFmpeg makes of their answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Handler = Callable[[BaseHTTPRequestHandler], None]
Serve = Callable[[Handler], str]


@contextmanager
def served(answer: Handler) -> Iterator[str]:
    """The address of a server that answers every GET so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def sent(body: bytes, *, status: int = 200, length: int | None = None) -> Handler:
    """The body with its length, or another one."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body) if length is None else length))
        request.end_headers()
        request.wfile.write(body)

    return answer


def sought(body: bytes) -> Handler:
    """The body from where it is asked for on, by a server that knows ranges."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        request.send_response(206 if start < len(body) else 416)
        request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        request.send_header("Content-Length", str(len(body[start:])))
        request.end_headers()
        request.wfile.write(body[start:])

    return answer


def relayed(body: bytes) -> Handler:
    """Who relays a live stream does not know where it ends, and tells no length."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(body)

    return answer


def folder(path: Path) -> Handler:
    """The files of a folder."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        file = path / request.path.strip("/").partition("?")[0]
        (sent(file.read_bytes()) if file.is_file() else sent(b"", status=404))(request)

    return answer
