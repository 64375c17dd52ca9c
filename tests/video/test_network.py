"""Streams and videos from real servers on this machine: which have an end, and what is lost."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.video.network import MENDED
from edgeseg.video.open import open_source
from edgeseg.video.source import Ended
from tests.video.http_server import Serve, relayed, sent
from tests.video.sent_videos import LIVE, UNANNOUNCED, pushed, whole_mp4

pytestmark = pytest.mark.usefixtures("no_thread_left")
MakeVideo = Callable[..., Path]


def test_a_file_whose_server_goes_is_lost(tmp_path: Path, make_video: MakeVideo, serve: Serve) -> None:
    data = make_video(tmp_path / "a.mkv", count=200, size=(320, 240)).read_bytes()
    half = sent(data[: len(data) // 2], length=len(data))
    with open_source(serve(half) + "/a.mkv", timeout=2) as source:
        frames = list(source)
    assert not source.live
    assert 50 < len(frames) < 150
    assert source.ended == Ended("lost", f"{source.name} closed the connection")


def test_damaged_h264_goes_on(tmp_path: Path, make_video: MakeVideo) -> None:
    """MPEG-TS over TCP with a hole in it."""
    data = bytearray(make_video(tmp_path / "a.ts", count=200, size=(320, 240)).read_bytes())
    middle = len(data) // 2 // 188 * 188
    data[middle : middle + 30 * 188] = np.random.default_rng(0).bytes(30 * 188)

    def send(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            for start in range(0, len(data), 2000):
                connection.sendall(data[start : start + 2000])
                time.sleep(0.005)

    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=send, args=(server,))
        sender.start()
        with open_source(f"tcp://127.0.0.1:{server.getsockname()[1]}", timeout=2) as source:
            frames = list(source)
        sender.join()
    assert frames[-1].timestamp > 6
    assert source.ended is not None
    assert source.ended.how == "lost"


def test_frames_that_the_decoder_filled_in_are_said_once(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.ts"), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"g": "10"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for number in range(60):
            noise = np.random.default_rng(number).integers(0, 256, (96, 128, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="bgr24")))
        container.mux(stream.encode(None))
    data = bytearray((tmp_path / "a.ts").read_bytes())
    for place in range(len(data) // 4, len(data) // 188 * 188, len(data) // 20):
        data[place // 188 * 188 + 90] ^= 0x55  # far from the headers

    def send(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=send, args=(server,))
        sender.start()
        with open_source(f"tcp://127.0.0.1:{server.getsockname()[1]}", timeout=5) as source:
            list(source)
        sender.join()
    assert source.warnings.count(f"{source.name} {MENDED}") == 1


@pytest.mark.parametrize("format", LIVE)
def test_a_length_that_is_not_that_of_all_that_will_come(serve: Serve, format: str) -> None:
    with open_source(serve(relayed(pushed(format, LIVE[format]))) + "/live", timeout=5) as source:
        assert source.live


@pytest.mark.parametrize("format", [*LIVE, *UNANNOUNCED])
def test_what_is_of_a_known_number_of_bytes_has_an_end(serve: Serve, format: str) -> None:
    data = pushed(format, LIVE.get(format), UNANNOUNCED.get(format, "libx264"))
    with open_source(serve(sent(data)) + "/video", timeout=5) as source:
        assert not source.live
        assert len(list(source)) == 50
    assert (source.ended, source.warnings) == (Ended("end_of_file"), [])


def test_an_mp4_without_a_length_in_bytes_has_an_end(tmp_path: Path, make_video: MakeVideo, serve: Serve) -> None:
    """The end of the connection ends it: what the decoder holds by then, as frames are reordered, is not lost."""
    data = whole_mp4(make_video(tmp_path / "a.mp4"))
    for part, how in ((data, "end_of_file"), (data[:-200], "lost")):
        with open_source(serve(relayed(part)) + "/video", timeout=5) as source:
            assert not source.live
            assert (len(list(source)) == 20) == (part is data)
        assert source.ended is not None
        assert source.ended.how == how
        assert source.ended_early == (how == "lost") == bool(source.warnings)
