"""Video over a WebSocket: what comes decodes; a slow client holds up nobody; who may not watch is refused."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable

import av
import numpy as np
import pytest

pytest.importorskip("starlette", reason="no web server: pip install 'edgeseg[web]'")

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from edgeseg.serve.settings import ListenSettings
from edgeseg.serve.web import places, server
from tests.serve.web.conftest import Served
from tests.serve.web.small_service import SmallLive, moving_square


def _watch(served: Served, camera: str = "gate", kind: str = "overlay", **headers: str) -> ClientConnection:
    url = f"{served.server.url.replace('http', 'ws')}live/{camera}/{kind}"
    return connect(url, max_size=None, open_timeout=20, proxy=None, additional_headers=headers)


def _live(served: Served) -> SmallLive:
    live = served.service.cameras["gate"].live
    assert live is not None
    return live


def _wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["plain", "overlay"])
def test_what_comes_is_the_video(served: Served, kind: str) -> None:
    served.service.cameras["gate"].start()
    with _watch(served, kind=kind) as socket_:
        mime = json.loads(socket_.recv(20))["mime"]
        assert mime.startswith('video/mp4; codecs="avc1.')
        init = socket_.recv(20)
        assert isinstance(init, bytes)
        assert init[4:8] == b"ftyp"
        fragments = [socket_.recv(20) for _ in range(3)]
    assert all(isinstance(each, bytes) and each[4:8] == b"moof" for each in fragments)
    video = io.BytesIO(init + b"".join(fragments))  # type: ignore[arg-type]
    with av.open(video, "r") as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(frames) >= 6
    assert frames[0].shape == (180, 320, 3)
    if kind == "plain":
        assert np.abs(frames[0].astype(int) - next(moving_square())).mean() < 12
    assert not np.array_equal(frames[0], frames[-1])


def test_whoever_watches_may_stay(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that a request may take is over when it has been made."""
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.5)
    served.service.cameras["gate"].start()
    with _watch(served) as watching:
        began = time.monotonic()
        while time.monotonic() < began + 1:
            watching.recv(20)
        watching.recv(20)


def test_another_size_begins_anew(served: Served) -> None:
    gate = served.service.cameras["gate"]
    gate.start()
    with _watch(served) as watching:
        assert isinstance(watching.recv(20), str)
        first = watching.recv(20)
        gate._frames = moving_square(240, 160)
        while not isinstance(watching.recv(20), str):
            pass
        second = watching.recv(20)
    assert isinstance(second, bytes)
    assert second[4:8] == b"ftyp"
    assert second != first


def test_nothing_is_encoded_while_nobody_watches(served: Served) -> None:
    served.service.cameras["gate"].start()
    with _watch(served) as watching:
        watching.recv(20)
        assert len(_live(served).subscriptions) == 1
    _wait(lambda: not _live(served).subscriptions)


def test_a_slow_client_loses_fragments_and_holds_up_nobody(served: Served) -> None:
    noise = np.random.default_rng(0)
    gate = served.service.cameras["gate"]
    gate._frames = (noise.integers(0, 256, (360, 640, 3), np.uint8) for _ in range(10**6))
    gate.start()
    slow = socket.create_connection(("127.0.0.1", served.server.port), 20)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(
        b"GET /live/gate/plain HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    try:
        _wait(lambda: any(each.lost for each in _live(served).subscriptions))
        before = gate.status().masks
        with _watch(served, kind="plain") as quick:
            for _ in range(4):
                quick.recv(20)
        assert gate.status().masks > before
        assert served.client.get("/healthz").status_code == 200
    finally:
        slow.close()
    _wait(lambda: not _live(served).subscriptions)


@pytest.mark.parametrize(
    ("camera", "kind", "status"), [("nobody", "plain", 404), ("gate", "x-ray", 404), ("yard", "plain", 503)]
)
def test_what_there_is_not_is_refused(served: Served, camera: str, kind: str, status: int) -> None:
    served.service.cameras["yard"].live = None
    with pytest.raises(InvalidStatus) as refused:
        _watch(served, camera, kind)
    assert refused.value.response.status_code == status
    assert b"error" in refused.value.response.body


def test_pages_of_other_origins_may_not_watch(served: Served) -> None:
    with pytest.raises(InvalidStatus) as refused:
        _watch(served, Origin="http://evil.example")
    assert refused.value.response.status_code == 403


def test_the_token_is_asked_for(serve: Callable[..., Served]) -> None:
    token = "0123456789abcdef"
    served = serve(ListenSettings("127.0.0.1", 0, token=token))
    with pytest.raises(InvalidStatus) as refused:
        _watch(served)
    assert refused.value.response.status_code == 401
    with _watch(served, Authorization=f"Bearer {token}"):
        pass


def test_there_is_room_for_so_many(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST", 1)
    with _watch(served), pytest.raises(InvalidStatus) as refused:
        _watch(served)
    assert refused.value.response.status_code == 503


def test_who_talks_is_left(served: Served) -> None:
    with _watch(served) as watching:
        watching.send("x" * 100_000)
        with pytest.raises(ConnectionClosed):
            watching.recv(20)
    _wait(lambda: not _live(served).subscriptions)


def test_a_camera_that_is_taken_away_says_ask_again(served: Served) -> None:
    with _watch(served) as watching:
        _wait(lambda: _live(served).subscriptions)
        served.service.cameras = {"yard": served.service.cameras["yard"]}
        with pytest.raises(ConnectionClosed) as closed:
            watching.recv(20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


def test_closing_the_server_ends_it(served: Served) -> None:
    with _watch(served) as watching:
        threading.Thread(target=served.server.close).start()
        with pytest.raises(ConnectionClosed):
            watching.recv(20)
