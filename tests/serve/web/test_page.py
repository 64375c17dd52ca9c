"""The page in a real browser: the picture moves, figures change, a camera that is killed turns red and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

pytest.importorskip("starlette", reason="no web server: pip install 'edgeseg[web]'")


from edgeseg.serve.settings import ListenSettings
from edgeseg.serve.web import token as token_module
from tests.serve.web.browser import Browser
from tests.serve.web.conftest import Served

GATE = "document.querySelector('[data-camera=gate]')"
YARD = "document.querySelector('[data-camera=yard]')"

SEEN = """(() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [64, 36];
    const context = canvas.getContext("2d");
    context.drawImage(CARD.querySelector("video"), 0, 0, 64, 36);
    return [...context.getImageData(0, 0, 64, 36).data].join();
})()"""


@pytest.fixture
def running(served: Served) -> Served:
    """With cameras that run."""
    served.service.start()
    return served


def _plays(card: str) -> str:
    return f"{card}?.querySelector('video').getVideoPlaybackQuality().totalVideoFrames > 5"


def test_the_picture_moves_and_the_figures_change(running: Served, browser: Browser) -> None:
    browser.open(running.server.url)
    for card in (GATE, YARD):
        browser.wait_for(_plays(card))
    browser.wait_for(f"{GATE}.querySelector('img').hidden")  # the still has done its part
    picture = SEEN.replace("CARD", GATE)
    first = browser.evaluate(picture)
    browser.wait_for(f"{picture} !== {first!r}")
    figures = f"[...{GATE}.querySelectorAll('dd')].map(each => each.textContent).join()"
    before = browser.evaluate(figures)
    p50 = browser.evaluate(f"{GATE}.querySelector('[data-figure=p50]').textContent")
    assert p50.endswith((" ms", " s"))  # seconds on a busy machine
    browser.wait_for(f"{figures} !== {before!r}")
    assert browser.evaluate(f"{GATE}.querySelectorAll('.legend li').length") == 11
    assert browser.evaluate(f"{GATE}.querySelectorAll('.latency rect[height]:not([height=\"0\"])').length") > 0
    assert browser.evaluate("document.getElementById('health').textContent") == "all 2 cameras live"
    written = "import('/page/figures.js').then(({milliseconds, bytes}) => [...VALUES.map(milliseconds), bytes(99.7e6)])"
    assert browser.evaluate(written.replace("VALUES", "[0.44, 3.21, 99.4, 99.6, 999.4, 999.6]")) == [
        "0.4 ms",
        "3.2 ms",
        "99 ms",
        "100 ms",
        "999 ms",
        "1.00 s",
        "100 MB",
    ]
    assert browser.complaints == []


def test_events_of_an_earlier_run_are_wiped_away(
    served: Served, serve: Callable[..., Served], browser: Browser
) -> None:
    served.service.events.add("rule", "somebody", "in the first run", "gate", True)
    browser.open(served.server.url)
    newest = "document.querySelector('#events li')?.innerText"
    browser.wait_for(f"{newest}.includes('in the first run')")
    served.server.close()
    again = serve(ListenSettings("127.0.0.1", served.server.port))
    again.service.events.add("rule", "somebody", "in the second run", "gate", True)
    browser.wait_for(f"{newest}.includes('in the second run')")
    assert "in the first run" not in browser.evaluate("document.getElementById('events').innerText")


def test_another_picture_is_chosen(running: Served, browser: Browser) -> None:
    live = running.service.cameras["gate"].live
    assert live is not None
    browser.open(running.server.url)
    browser.wait_for(_plays(GATE))
    assert set(live.subscriptions.values()) == {"overlay"}
    browser.evaluate(f"{GATE}.querySelector('[value=plain]').click()")
    browser.wait_for(_plays(GATE))
    deadline = time.monotonic() + 20
    while set(live.subscriptions.values()) != {"plain"}:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_camera_turns_red_and_comes_back(running: Served, browser: Browser) -> None:
    gate = running.service.cameras["gate"]
    browser.open(running.server.url)
    browser.wait_for(_plays(GATE))
    state = f"{GATE}.querySelector('.state')"
    green = browser.evaluate(f"getComputedStyle({state}).color")
    gate.kill()
    browser.wait_for(f"{state}.textContent === 'reconnecting' && {GATE}.classList.contains('bad')")
    red = browser.evaluate(f"getComputedStyle({state}).color")
    assert red != green
    assert red == browser.evaluate(f"getComputedStyle({GATE}).borderColor")
    assert "gate refuses connections" in browser.evaluate(f"{GATE}.querySelector('.reason').innerText")
    assert browser.evaluate("document.getElementById('health').textContent") == "1 of 2 cameras live"
    browser.wait_for("document.querySelector('#events li').innerText.includes('reconnecting')")
    assert browser.evaluate(f"{YARD}.querySelector('.state').textContent") == "live"
    gate.revive()
    browser.wait_for(f"{state}.textContent === 'live' && !{GATE}.classList.contains('bad')")
    assert browser.evaluate(f"getComputedStyle({state}).color") == green
    picture = SEEN.replace("CARD", GATE)
    before = browser.evaluate(picture)
    browser.wait_for(f"{picture} !== {before!r}")


def test_without_video_there_are_pictures(running: Served, browser: Browser) -> None:
    for camera in running.service.cameras.values():
        camera.live = None
    browser.open(running.server.url)
    image = f"{GATE}?.querySelector('img')"
    first = browser.wait_for(f"{image}?.naturalWidth === 320 && !{image}.hidden && {image}.src")
    browser.wait_for(f"{image}.src !== {first!r}")


def test_nothing_is_asked_for_while_nobody_looks(running: Served, browser: Browser) -> None:
    live = running.service.cameras["gate"].live
    assert live is not None
    browser.open(running.server.url)
    browser.wait_for(_plays(GATE))
    browser.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    deadline = time.monotonic() + 20
    while live.subscriptions or running.service.events._subscriptions:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    count = "performance.getEntriesByType('resource').length"
    before = browser.evaluate(count)
    time.sleep(2.5)
    assert browser.evaluate(count) == before


def test_figures_that_are_old_look_old(running: Served, browser: Browser) -> None:
    browser.open(running.server.url)
    browser.wait_for(f"{GATE}?.querySelector('.state').textContent === 'live'")
    running.server.close()
    browser.wait_for("document.body.classList.contains('stale')")
    assert "No answer from the service" in browser.evaluate("document.getElementById('silence').innerText")


@pytest.mark.parametrize(("width", "phone"), [(360, True), (768, True), (1920, False)])
def test_it_fits(running: Served, browser: Browser, width: int, phone: bool) -> None:
    browser.resize(width, 800, phone=phone)
    browser.open(running.server.url)
    browser.wait_for(f"!!{GATE}?.querySelector('.legend li')")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(f"{GATE}.getBoundingClientRect().right") <= width


def test_dark_and_light_are_the_systems(running: Served, browser: Browser) -> None:
    browser.open(running.server.url)
    browser.wait_for(f"!!{GATE}")
    for scheme, ground in (("dark", "rgb(16, 22, 21)"), ("light", "rgb(244, 246, 246)")):
        browser.prefer(scheme)
        browser.wait_for(f"getComputedStyle(document.body).backgroundColor == {ground!r}")


def test_the_door_asks_for_the_token(
    serve: Callable[..., Served], browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_module, "REFUSAL_SECONDS", 0.0)
    token = "0123456789abcdef"
    served = serve(ListenSettings("127.0.0.1", 0, token=token))
    served.service.start()
    browser.open(served.server.url)

    def show(text: str) -> None:
        browser.wait_for("!!document.getElementById('token')")
        browser.evaluate(f"document.getElementById('token').value = {text!r}; document.forms[0].requestSubmit()")

    show("something else of it")
    browser.wait_for("getComputedStyle(document.getElementById('wrong')).display !== 'none'")
    show(token)
    browser.wait_for(_plays(GATE))
    assert browser.evaluate("document.cookie") == ""  # no script reads it
    browser.evaluate("document.getElementById('logout').click()")
    browser.wait_for("location.pathname == '/login' && !!document.getElementById('token')")
    browser.open(served.server.url)
    browser.wait_for("location.pathname == '/login'")
