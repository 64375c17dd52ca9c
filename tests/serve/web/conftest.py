"""A service with two cameras and its page, on a free port of 127.0.0.1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import edgeseg
from edgeseg.segmenter import Segmenter
from edgeseg.serve.settings import ListenSettings
from tests.serve.web.browser import Browser
from tests.serve.web.small_service import SmallService

if TYPE_CHECKING:
    import httpx

    from edgeseg.serve.web.server import WebServer


@dataclass
class Served:
    """A service, its server, and a client of it."""

    service: SmallService
    server: WebServer
    client: httpx.Client

    def first_frames(self) -> None:
        """One of each camera, made here."""
        for camera in self.service.cameras.values():
            camera.step()


@pytest.fixture(scope="session")
def model() -> Segmenter:
    """A real network, on one core."""
    return edgeseg.load("road-nano", threads=1)


@pytest.fixture
def serve(model: Segmenter) -> Iterator[Callable[..., Served]]:
    """`serve(listen=..., verify=...)`: cameras "gate" and "yard", which stand still until they are started."""
    import httpx

    from edgeseg.serve.web.server import WebServer

    opened: list[Served] = []

    def begin(listen: ListenSettings | None = None, verify: object = True) -> Served:
        service = SmallService(model, ("gate", "yard"))
        server = WebServer(service, listen or ListenSettings("127.0.0.1", 0))
        server.start()
        client = httpx.Client(base_url=server.url, timeout=20.0, verify=verify, trust_env=False)  # type: ignore[arg-type]
        opened.append(Served(service, server, client))
        return opened[-1]

    yield begin
    for served in opened:
        served.client.close()
        served.server.close()
        served.service.close()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """Without a token, for this machine alone."""
    return serve()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser with a window of 1280x800."""
    with Browser(tmp_path / "profile") as opened:
        opened.resize(1280, 800)
        yield opened
