"""A whole service in a real browser: a camera's own process and video, and a server that is killed and comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("starlette", reason="no web server: pip install 'edgeseg[web]'")

from edgeseg.bundle import Bundle
from edgeseg.serve.network import load_network
from edgeseg.serve.service import Service
from edgeseg.serve.settings import BundleSettings, CameraSettings, ListenSettings, ServiceSettings
from edgeseg.serve.web.server import WebServer
from tests.serve.web.browser import Browser
from tests.video.namespace import Loopback, free_port

GATE = "document.querySelector('[data-camera=gate]')"


class Whole:
    """A service with one camera, and its page."""

    def __init__(self, port: str) -> None:
        camera = CameraSettings("gate", f"http://127.0.0.1:{port}", timeout=5.0, stall_after=1.0)
        bundle = BundleSettings("road-nano", "onnxruntime", threads=1, workers=1)
        settings = ServiceSettings(bundle, (camera,), ListenSettings("127.0.0.1", 0))
        self.service = Service(settings, load_network(bundle, Bundle.open("road-nano")), lambda: None)
        assert settings.listen is not None
        self.server = WebServer(self.service, settings.listen)
        self.service.start()
        self.server.start()

    def close(self) -> None:
        self.server.close()
        assert self.service.close(60.0)


@pytest.fixture
def port() -> str:
    return free_port()


@pytest.fixture
def whole(port: str) -> Iterator[Whole]:
    opened = Whole(port)
    yield opened
    opened.close()


def test_a_killed_server_turns_red_and_its_video_comes_back(
    port: str, whole: Whole, loopback: Loopback, browser: Browser
) -> None:
    camera = loopback.start("mjpeg", port, "size=320x180", "fps=10")
    browser.open(whole.server.url)
    frames = f"{GATE}.querySelector('video').getVideoPlaybackQuality().totalVideoFrames"
    browser.wait_for(f"{GATE} && {frames} > 5")
    state = f"{GATE}.querySelector('.state').textContent"
    assert browser.evaluate(state) == "live"
    loopback.stop(camera)
    browser.wait_for(f"{GATE}.classList.contains('bad') && ['reconnecting', 'stalled'].includes({state})")
    browser.wait_for(f"!{GATE}.querySelector('.reason').hidden")
    loopback.start("mjpeg", port, "size=320x180", "fps=10")
    browser.wait_for(f"{state} === 'live' && !{GATE}.classList.contains('bad')")
    time = f"{GATE}.querySelector('video').currentTime"
    before = browser.evaluate(f"[{frames}, {time}]")
    browser.wait_for(f"{frames} > {before[0]} + 10 && {time} !== {before[1]} || {frames} < {before[0]} && {frames} > 5")
    assert browser.evaluate("document.querySelectorAll('#events li').length") >= 4
    assert browser.complaints == []
