"""A supervised source against real servers that come, go, hang and change."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from edgeseg.errors import LostError, SourceError, UsageError
from edgeseg.video.access import Access, Credentials
from edgeseg.video.open import open_source
from edgeseg.video.pipeline import stream
from edgeseg.video.supervised.life import Policy
from edgeseg.video.supervised.source import SupervisedSource
from tests.video.namespace import Loopback, free_port, wait_until
from tests.video.supervised.conftest import FAULTS, POLICY, SECONDS, check_order, read_until, supervised
from tests.video.test_open import QuietHandler

pytestmark = FAULTS


def test_a_server_that_comes_goes_and_comes_back(loopback: Loopback) -> None:
    port = free_port()
    servers = []
    late = threading.Timer(1.5, lambda: servers.append(loopback.start("mjpeg", port)))
    late.start()
    said: list[str] = []
    with supervised(f"http://127.0.0.1:{port}", said) as source:
        late.join()
        assert (source.width, source.height) == (64, 48)
        frames = read_until(source, lambda frame: frame.index >= 20)
        assert source.connection.gaps == 0
        assert source.connection.reconnects["refused"] >= 1
        loopback.stop(servers[0])
        wait_until(lambda: source.status.state == "reconnecting", SECONDS)
        time.sleep(1)
        loopback.start("mjpeg", port)
        frames += read_until(source, lambda frame: frame.timestamp > frames[-1].timestamp + 1)
        frames += read_until(source, lambda frame: frame.index >= frames[-1].index + 20)
        connection, skipped = source.connection, source.skipped
    check_order(frames)
    assert connection.gaps == 1
    widest = max(later.captured - earlier.captured for earlier, later in itertools.pairwise(frames))
    assert connection.gap_seconds == pytest.approx(widest, abs=0.5)
    assert connection.stalls == 0
    assert set(connection.reconnects) == {"refused", "closed"}
    assert connection.reconnects["closed"] == 1
    assert skipped.damaged == 0
    assert [sentence.split(" is ")[-1] for sentence in said if sentence.endswith(" is live")] == ["live", "live"]
    assert sum("refused the connection" in sentence for sentence in said) == 2  # not each attempt
    assert source.ended is None or source.ended.how == "interrupted"


def test_every_picture_is_given_once_and_none_is_made_up(loopback: Loopback) -> None:
    """Each picture of the server has a level of its own, and the next is 10 more: a repeated one would be seen."""
    port = free_port()
    loopback.start("mjpeg", port, "fps=25")
    with supervised(f"http://127.0.0.1:{port}") as source:
        frames = read_until(source, lambda frame: frame.index >= 60)
    levels = [round(float(frame.image.mean()) / 10) for frame in frames]
    start = levels[0] - frames[0].index
    assert levels == [(start + frame.index) % 25 for frame in frames]


def test_garbage_is_no_picture_and_what_follows_is(loopback: Loopback) -> None:
    port = free_port()
    bad = loopback.start("garbage", port)
    said: list[str] = []

    def repair() -> None:
        time.sleep(2)
        loopback.stop(bad)
        loopback.start("mjpeg", port)

    repairer = threading.Thread(target=repair)
    repairer.start()
    with supervised(f"http://127.0.0.1:{port}", said, timeout=2) as source:
        repairer.join()
        frames = read_until(source, lambda frame: frame.index >= 10)
        assert source.connection.gaps == 0
        assert sum(source.connection.reconnects.values()) >= 1
    assert all(frame.image.std() < 1 for frame in frames)


def test_another_size_after_reconnecting(loopback: Loopback) -> None:
    port = free_port()
    server = loopback.start("mjpeg", port)
    with supervised(f"http://127.0.0.1:{port}") as source:
        frames = read_until(source, lambda frame: frame.index >= 5)
        loopback.stop(server)
        loopback.start("mjpeg", port, "size=320x240")
        frames += read_until(source, lambda frame: frame.image.shape[1] == 320)
        frames += read_until(source, lambda frame: frame.index >= frames[-1].index + 5)
    assert {frame.image.shape for frame in frames} == {(48, 64, 3), (240, 320, 3)}
    assert all(frame.image.std() < 1 for frame in frames)
    check_order(frames)


def test_a_refused_password_then_a_right_one(loopback: Loopback) -> None:
    """The account is made while we wait; the password stands in nothing that is said."""
    port, password = free_port(), "s3cr/et@"
    server = loopback.start("mjpeg", port, "user=admin:another")

    def permit() -> None:
        time.sleep(2)
        loopback.stop(server)
        loopback.start("mjpeg", port, f"user=admin:{password}")

    permitter = threading.Thread(target=permit)
    permitter.start()
    said: list[str] = []
    access = Access(Credentials("admin", password))
    source = open_source(f"http://127.0.0.1:{port}", timeout=5, access=access, reconnect=POLICY, say=said.append)
    with source:
        permitter.join()
        read_until(source, lambda frame: frame.index >= 5)
        assert isinstance(source, SupervisedSource)
        assert b"s3cr" not in Path(f"/proc/{source.status.pid}/cmdline").read_bytes()
    assert source.connection is not None
    assert source.connection.reconnects["unauthorised"] >= 1
    assert any("refuses this user and password" in s or "asks for user and password" in s for s in said)
    assert "s3cr" not in repr((said, source.name, source.warnings, vars(source)))


def test_a_frozen_picture_is_flagged(loopback: Loopback) -> None:
    port = free_port()
    server = loopback.start("mjpeg", port, "still=1")
    said: list[str] = []
    policy = Policy(stall_after=1.0, frozen_after=1.0, longest_delay=1.0)
    with supervised(f"http://127.0.0.1:{port}", said, policy) as source:
        read_until(source, lambda _: source.status.frozen)
        assert source.status.state == "live"  # frames do come
        assert source.connection.freezes == 1
        loopback.stop(server)
        loopback.start("mjpeg", port)
        read_until(source, lambda frame: source.status.state == "live" and frame.image.mean() > 50)
        assert not source.status.frozen
        assert source.connection.freezes == 1
    assert any(sentence.endswith("is live, but its picture does not change") for sentence in said)


def test_it_is_given_up_when_asked_for(loopback: Loopback) -> None:
    port = free_port()
    with pytest.raises(SourceError, match=r"gave no frame for 1\.5 s .*refused the connection") as caught:
        supervised(f"http://127.0.0.1:{port}", policy=Policy(give_up_after=1.5))
    assert caught.value.cause == "refused"
    server = loopback.start("mjpeg", port)
    with supervised(f"http://127.0.0.1:{port}", policy=Policy(give_up_after=3.0)) as source:
        next(source)
        loopback.stop(server)
        for _ in source:
            pass
    assert source.ended is not None
    assert source.ended.how == "lost"
    assert source.status.state == "failed"


@pytest.mark.parametrize("name", ["nonsense://127.0.0.1/live", "videotestsrc ! nosuchelement ! appsink"])
def test_what_can_never_work_is_an_error_at_once(name: str) -> None:
    with pytest.raises(SourceError):
        supervised(name)


def test_a_file_has_an_end(tmp_path: Path, make_video: Callable[..., Path]) -> None:
    path = make_video(tmp_path / "a.mp4")
    for name in (path, str(path), f"file://{path}", tmp_path, "not-there.mp4", [np.zeros((4, 6, 3), np.uint8)]):
        with pytest.raises(UsageError, match="only those are connected again"):
            open_source(name, reconnect=POLICY)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with pytest.raises(SourceError, match="has an end"):
            supervised(f"http://127.0.0.1:{server.server_port}/a.mp4")
        server.shutdown()
        thread.join()


def test_closing_ends_a_wait_that_has_no_end(loopback: Loopback) -> None:
    port = free_port()
    server = loopback.start("mjpeg", port)
    with supervised(f"http://127.0.0.1:{port}") as source:
        next(source)
        loopback.stop(server)
        closer = threading.Timer(1.0, source.close)
        closer.start()
        for _ in source:
            pass
        closer.join()
    assert source.ended is not None
    assert source.ended.how == "interrupted"


def test_a_stream_over_a_gap(loopback: Loopback, make_shade_model: Callable[..., object]) -> None:
    """Every result is of a frame that came; every frame that came has a mask, or a cause."""
    port = free_port()
    server = loopback.start("mjpeg", port)
    results = []
    running = stream(make_shade_model(), f"http://127.0.0.1:{port}", reconnect=True, stall_after=1.0, max_frames=40)  # type: ignore[arg-type]
    for result in running:
        results.append(result)
        if len(results) == 20:
            loopback.stop(server)
            loopback.start("mjpeg", port)
    assert len(results) == 40
    assert len({result.index for result in results}) == 40
    assert running.source.connection is not None
    assert running.source.connection.gaps == 1
    for result in results:
        assert result.mask is not None
        assert (result.mask == result.frame[0, 0, 1]).all()


def test_a_stream_that_is_given_up_is_lost(loopback: Loopback, make_shade_model: Callable[..., object]) -> None:
    port = free_port()
    server = loopback.start("mjpeg", port)
    options = {"reconnect": True, "stall_after": 1.0, "give_up_after": 2.0}
    running = stream(make_shade_model(), f"http://127.0.0.1:{port}", **options)  # type: ignore[arg-type]
    with pytest.raises(LostError, match="gave no frame for 2 s"):  # noqa: PT012 - the loop is what is tested
        for number, _ in enumerate(running):
            if number == 5:
                loopback.stop(server)
