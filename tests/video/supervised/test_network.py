"""A supervised source on a network that is cut and mended, in a network namespace."""

from __future__ import annotations

import threading
import time

import pytest

from edgeseg.video.supervised.life import Policy
from tests.video.namespace import Host, wait_until
from tests.video.supervised.conftest import FAULTS, SECONDS, check_order, read_until, supervised

pytestmark = FAULTS

PROBED = 5.5
"""Seconds of a stream that FFmpeg may read before it gives the first frame, and then all at once."""


@pytest.mark.parametrize("kind", ["mjpeg", "mpegts", "rtsp"])
def test_half_open_and_back(host: Host, kind: str) -> None:
    """Nothing arrives for a while, and neither end is told."""
    if kind == "rtsp":
        host.rtsp(8554)
        url = f"rtsp://{host.address}:8554/live"
    else:
        host.start(kind, "8000", "size=640x360")  # FFmpeg wants some kilobytes before it knows MPEG-TS
        url = f"{'http' if kind == 'mjpeg' else 'tcp'}://{host.address}:8000"
    with supervised(url, policy=Policy(connect_within=13.0), timeout=10) as source:
        frames = read_until(source, lambda frame: frame.index >= 10)
        host.cut()
        stall = wait_until(lambda: source.status.state == "stalled", SECONDS)
        time.sleep(8)
        host.mend()
        back = wait_until(lambda: source.status.state == "live", SECONDS)
        print(f"{kind}: stall seen after {stall:.2f} s, live again {back:.2f} s after the network came back")
        frames += read_until(source, lambda frame: frame.index >= frames[-1].index + 10)
        connection = source.connection
    check_order(frames, lead=0.5 if kind == "mjpeg" else PROBED)
    assert connection.stalls == 1
    assert connection.gaps == 1
    assert connection.gap_seconds > 8
    assert connection.reconnects["stalled"] == 1


def test_a_cable_that_is_pulled_before_the_start_and_plugged_in(host: Host) -> None:
    host.start("mjpeg", "8000")
    host.unplug()
    plugger = threading.Timer(5.0, host.plug)
    plugger.start()
    with supervised(f"http://{host.address}:8000", policy=Policy(connect_within=13.0), timeout=10) as source:
        plugger.join()
        read_until(source, lambda frame: frame.index >= 5)
        assert source.connection.gaps == 0
