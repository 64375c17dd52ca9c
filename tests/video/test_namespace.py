"""Faults that 127.0.0.1 cannot show: real servers in a network namespace, on a cable that can be cut."""

from __future__ import annotations

import os
import threading
import time

import pytest

from edgeseg.errors import SourceError
from edgeseg.video.open import open_source
from edgeseg.video.source import Source
from tests.video.namespace import Host

pytestmark = [
    pytest.mark.usefixtures("no_thread_left"),
    pytest.mark.skipif(
        not os.environ.get("EDGESEG_FAULTS"), reason="servers that fail take minutes and an idle machine: make faults"
    ),
]

SECONDS = 30.0
"""That nothing here may take."""


def level(image: object) -> float:
    return float(image.mean())  # type: ignore[attr-defined]


def read_to_the_end(source: Source, started: float) -> None:
    for _ in source:
        assert time.monotonic() - started < SECONDS


@pytest.mark.parametrize("scheme", ["http", "rtsp", "tcp"])
def test_a_host_that_is_not_there(host: Host, scheme: str) -> None:
    """Nobody answers the question who has that address."""
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"cannot be reached: no host answers at that address") as caught:
        open_source(f"{scheme}://{host.absent}:8000/live", timeout=20)
    assert caught.value.cause == "unreachable"
    assert time.monotonic() - started < SECONDS


@pytest.mark.parametrize("scheme", ["http", "rtsp", "tcp"])
def test_a_closed_port(host: Host, scheme: str) -> None:
    with pytest.raises(SourceError, match="refused the connection") as caught:
        open_source(f"{scheme}://{host.address}:8000/live", timeout=10)
    assert caught.value.cause == "refused"


@pytest.mark.parametrize("scheme", ["http", "rtsp", "tcp"])
def test_a_host_that_swallows_everything(host: Host, scheme: str) -> None:
    """As behind a firewall that drops: no answer, and no refusal either."""
    host.start("mjpeg", "8000")
    host.inside("ip", "neighbour", "replace", host.here, "lladdr", "02:00:00:00:00:99", "dev", "cable")
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"did not answer within 2 s") as caught:
        open_source(f"{scheme}://{host.address}:8000/live", timeout=2)
    assert caught.value.cause == "timeout"
    assert time.monotonic() - started < SECONDS


@pytest.mark.parametrize("kind", ["mjpeg", "mpegts", "rtsp-tcp", "rtsp-udp"])
@pytest.mark.parametrize("fault", ["cut", "unplug"])
def test_a_half_open_connection_is_lost_in_time(host: Host, kind: str, fault: str) -> None:
    """Neither end is told that nothing arrives any more."""
    source = open_stream(host, kind, timeout=2)
    with source:
        for _ in range(5):
            next(source)
        (host.cut if fault == "cut" else host.unplug)()
        read_to_the_end(source, time.monotonic())
    assert source.ended is not None
    assert source.ended.how == "lost"
    assert "gave no frame for 2 s" in str(source.ended.reason)
    assert source.cause == "timeout"


def open_stream(host: Host, kind: str, *, timeout: float) -> Source:
    """Starts a server of that kind, and opens its stream."""
    if kind.startswith("rtsp"):
        host.rtsp(8554)
        options = {"rtsp_transport": kind.removeprefix("rtsp-")}
        return open_source(f"rtsp://{host.address}:8554/live", timeout=timeout, options=options)
    host.start(kind, "8000")
    return open_source(f"{'http' if kind == 'mjpeg' else 'tcp'}://{host.address}:8000", timeout=timeout)


@pytest.mark.parametrize("kind", ["mjpeg", "mpegts", "rtsp-tcp"])
def test_a_short_fault_is_survived(host: Host, kind: str) -> None:
    """TCP sends again what was lost; a frame then comes late, and is none too many or too few."""
    with open_stream(host, kind, timeout=10) as source:
        first = next(source)
        host.cut()
        threading.Timer(1.0, host.mend).start()
        frame = first
        started = time.monotonic()
        while frame.captured < first.captured + 5:
            frame = next(source)
            assert time.monotonic() - started < SECONDS
    assert frame.index > first.index
    assert frame.timestamp > first.timestamp + 2
    assert source.skipped.damaged == 0


def test_a_server_that_dies_closes_the_connection(host: Host) -> None:
    server = host.start("mjpeg", "8000")
    with open_source(f"http://{host.address}:8000", timeout=10) as source:
        next(source)
        host.stop(server)
        read_to_the_end(source, time.monotonic())
    assert source.cause == "closed"
    assert source.ended is not None
    assert source.ended.how == "lost"
    with pytest.raises(SourceError, match="refused"):
        open_source(f"http://{host.address}:8000", timeout=10)
    host.start("mjpeg", "8000")
    with open_source(f"http://{host.address}:8000", timeout=10) as source:
        next(source)


@pytest.mark.parametrize(
    "discipline",
    [("netem", "delay", "100ms", "20ms", "loss", "5%"), ("tbf", "rate", "400kbit", "burst", "4kb", "latency", "100ms")],
    ids=["delay and loss", "narrow"],
)
def test_mjpeg_over_a_bad_line(host: Host, discipline: tuple[str, ...]) -> None:
    """TCP repairs the loss: no picture is damaged, and the delay does not grow."""
    host.disturb(*discipline)
    host.start("mjpeg", "8000")
    with open_source(f"http://{host.address}:8000", timeout=10) as source:
        frames = [next(source) for _ in range(40)]
    assert source.skipped.damaged == 0
    assert all(abs(level(frame.image) / 10 - round(level(frame.image) / 10)) < 0.2 for frame in frames)


@pytest.mark.parametrize("lose", [0, 7])
def test_mpegts_over_udp(host: Host, lose: int) -> None:
    """Datagrams that are lost damage pictures, and do not end the stream."""
    host.start("mpegts", "5000", f"to={host.here}", f"lose={lose}", "size=320x240")
    with open_source(f"udp://{host.here}:5000", timeout=10) as source:
        frames = [next(source) for _ in range(60)]
    assert source.live
    assert frames[-1].timestamp - frames[0].timestamp > 2
    assert all(frame.image.shape == (240, 320, 3) for frame in frames)
    if not lose:
        assert source.skipped.damaged == 0
        assert all(frame.image.std(axis=(0, 1)).max() < 1 for frame in frames)


def test_a_sender_that_comes_back_over_udp(host: Host) -> None:
    """There is no connection that could break: the stream goes on, unless the silence outlasts the time-out."""
    sender = host.start("mpegts", "5000", f"to={host.here}")
    with open_source(f"udp://{host.here}:5000", timeout=10) as source:
        first = next(source)
        host.stop(sender)
        host.start("mpegts", "5000", f"to={host.here}")
        started = time.monotonic()
        while (frame := next(source)).captured < first.captured + 4:
            assert time.monotonic() - started < SECONDS
    assert frame.timestamp > first.timestamp
    assert frame.timestamp - first.timestamp == pytest.approx(frame.captured - first.captured, abs=1.5)
