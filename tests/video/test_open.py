"""Every kind of source, and everything that can be wrong with one."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from edgeseg.errors import FrameError, SourceError, UsageError
from edgeseg.video.open import open_source

MakeVideo = Callable[..., Path]
ROAD = Path(__file__).resolve().parents[3] / "shared" / "video" / "road540.mp4"


@pytest.mark.parametrize("extension", ["mp4", "mkv", "avi", "ts", "h264"])
def test_every_frame_of_a_video(tmp_path: Path, make_video: MakeVideo, extension: str) -> None:
    """AVI gives its last frames no timestamps, raw H.264 gives none at all: time still goes on evenly."""
    with open_source(make_video(tmp_path / f"a.{extension}")) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(20))
    assert source.fps == 25
    assert (source.width, source.height, source.live, source.still) == (64, 48, False, False)
    assert np.allclose(np.diff([frame.timestamp for frame in frames]), 0.04)
    assert [round(frame.image.mean() / 10) for frame in frames] == list(range(20))
    assert not source.warnings
    assert next(source, None) is None


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(30), Fraction(12)])
def test_rate_is_a_fraction(tmp_path: Path, make_video: MakeVideo, rate: Fraction) -> None:
    with open_source(make_video(tmp_path / "a.mp4", rate=rate)) as source:
        assert source.fps == rate


def test_capture_time_of_a_file_is_when_reading_begins(tmp_path: Path, make_video: MakeVideo) -> None:
    with open_source(make_video(tmp_path / "a.mp4")) as source:
        asked = time.perf_counter()
        first, second = next(source), next(source)
    assert first.captured + first.seconds >= asked
    assert second.captured > first.captured


@pytest.mark.parametrize("source", ["", " "])
def test_an_empty_name_is_no_folder(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="the source has an empty name"):
        open_source(source)


@pytest.mark.parametrize("source", [None, 1.5, cv2.VideoCapture()])
def test_what_is_no_source_is_named(source: Any) -> None:
    with pytest.raises(SourceError, match=f"got a {type(source).__name__} as source, expected a path"):
        open_source(source)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.mp4 does not exist, .* or a URL \(rtsp://HOST/PATH\)"):
        open_source(tmp_path / "none.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.png"])
def test_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(SourceError, match="is empty"):
        open_source(tmp_path / name)


@pytest.mark.parametrize("content", [b"no video\n" * 100, bytes(range(256)) * 100], ids=["text", "binary"])
@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a"])
def test_file_that_is_no_video(tmp_path: Path, name: str, content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match="is no video"):
        open_source(str(tmp_path / name))
    assert capfd.readouterr() == ("", "")


def test_sound_without_pictures(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        assert isinstance(stream, av.AudioStream)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match="holds sound, but no video"):
        open_source(tmp_path / "a.mp4")


def test_name_that_no_file_can_have() -> None:
    with pytest.raises(SourceError, match=r"cannot read x.*check the path"):
        open_source("x" * 5000)


def test_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the system's answer is made up."""

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.mp4").write_bytes(b"secret")
    monkeypatch.setattr(Path, "open", deny)
    monkeypatch.setattr(Path, "iterdir", deny)
    for path in (tmp_path / "a.mp4", tmp_path):
        with pytest.raises(SourceError, match="Permission denied"):
            open_source(path)


def test_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(SourceError, match="regular file"):
        open_source(tmp_path / "a.mp4")


def test_no_frame_decodes(tmp_path: Path, make_video: MakeVideo) -> None:
    """The index of the file is whole, its pictures are not."""
    path = make_video(tmp_path / "a.mp4", size=(320, 240))
    data = bytearray(path.read_bytes())
    start, end = data.index(b"mdat") + 4, data.index(b"moov")
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="gave no frame"):
        open_source(path)


def _road() -> bytes:
    if not ROAD.exists():
        pytest.skip(f"no {ROAD}")
    return ROAD.read_bytes()


def test_cut_off_video_keeps_what_is_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = _road()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with open_source(tmp_path / "cut.mp4") as source:
        assert 50 < len(list(source)) < 150
    assert source.ended_early
    assert len(source.warnings) == 1
    assert "of its 8.8 s" in source.warnings[0]
    assert capfd.readouterr() == ("", "")


def test_damaged_stretch_is_passed_over_and_said(tmp_path: Path) -> None:
    data = bytearray(_road())
    data[1_000_000:1_100_000] = np.random.default_rng(0).bytes(100_000)
    (tmp_path / "damaged.mp4").write_bytes(data)
    with open_source(tmp_path / "damaged.mp4") as source:
        frames = list(source)
    assert 150 < len(frames) < 221
    assert frames[-1].timestamp == pytest.approx(8.8)
    assert source.ended_early
    assert "is damaged or ends early" in source.warnings[0]
    assert all("is damaged" in warning for warning in source.warnings)


def test_whole_video_has_no_warning() -> None:
    _road()
    with open_source(ROAD) as source:
        assert len(list(source)) == source.frame_count == 221
    assert not source.warnings
    assert not source.ended_early


@pytest.mark.parametrize("scheme", ["http", "rtsp", "tcp"])
def test_silent_server_is_a_time_out(scheme: str, capfd: pytest.CaptureFixture[str]) -> None:
    """It accepts the connection and never says a word."""
    silent = pytest.raises(SourceError, match=r"\*\*\*@.* did not answer within 0\.5 s")
    with socket.create_server(("127.0.0.1", 0)) as server, silent as caught:
        open_source(f"{scheme}://me:secret@127.0.0.1:{server.getsockname()[1]}/live", timeout=0.5)
    assert "secret" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def _serve(server: socket.socket, data: bytes, finished: threading.Event) -> None:
    """Sends `data` to whoever comes, then is silent until the test has finished."""
    connection, _ = server.accept()
    with connection:
        connection.sendall(data)
        finished.wait(10)


def test_live_stream_that_falls_silent(
    tmp_path: Path, make_video: MakeVideo, capfd: pytest.CaptureFixture[str], no_thread_left: None
) -> None:
    """A sender stops without a word: a time-out, and what came before is kept."""
    del no_thread_left
    data = make_video(tmp_path / "a.ts", count=200, size=(320, 240)).read_bytes()
    finished = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=_serve, args=(server, data, finished))
        sender.start()
        with open_source(f"tcp://127.0.0.1:{server.getsockname()[1]}", timeout=1) as source:
            indices = [frame.index for frame in source]
        finished.set()
        sender.join()
    assert source.live
    assert source.frame_count is None
    assert (source.width, source.height) == (320, 240)
    assert indices == sorted(set(indices))
    assert source.ended_early
    assert len(source.warnings) == 1
    assert "the stream ended there" in source.warnings[0]
    assert capfd.readouterr() == ("", "")


def test_video_behind_http_drops_nothing(tmp_path: Path, make_video: MakeVideo) -> None:
    make_video(tmp_path / "a.mp4", count=100)
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with open_source(f"http://127.0.0.1:{server.server_port}/a.mp4", timeout=5) as source:
            indices = [frame.index for frame in source]
        server.shutdown()
        thread.join()
    assert not source.live
    assert indices == list(range(100))
    assert not source.warnings


def test_an_mp4_with_its_index_at_its_end_and_a_server_without_byte_ranges(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 96, 128, 3), np.uint8)
    for name, options in (("end", {}), ("front", {"movflags": "+faststart"})):
        with av.open(str(tmp_path / f"{name}.mp4"), "w", options=options) as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 128, 96, "yuv420p", 4_000_000
            for picture in noise:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "bgr24")))
            container.mux(stream.encode(None))
    assert (tmp_path / "end.mp4").stat().st_size > 100_000  # more than FFmpeg's buffer
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            with open_source(f"{url}/front.mp4", timeout=5) as source:
                assert len(list(source)) == 20
            with pytest.raises(SourceError, match=r"needs a server that gives byte ranges.*\+faststart") as caught:
                open_source(f"{url}/end.mp4", timeout=5)
        finally:
            server.shutdown()
            thread.join()
    assert caught.value.cause == "closed"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.mark.parametrize("timeout", [0, -1, 1e9, float("inf"), float("nan")])
def test_timeout_out_of_range(timeout: float) -> None:
    with pytest.raises(UsageError, match="timeout is"):
        open_source("a.mp4", timeout=timeout)


def test_closed_port_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceError, match="refused the connection"):
        open_source(f"rtsp://127.0.0.1:{port}/live", timeout=60)


def test_arrays() -> None:
    with open_source(np.full((4, 5, 3), level, np.uint8) for level in range(3)) as source:
        assert (source.width, source.height, source.frame_count) == (5, 4, None)
        assert [(frame.index, frame.image[0, 0, 0], frame.timestamp) for frame in source] == [
            (0, 0, 0.0), (1, 1, 0.04), (2, 2, 0.08)
        ]  # fmt: skip


@pytest.mark.parametrize("image", [np.zeros((4, 5), np.uint8), np.zeros((4, 5, 3), np.float32), "frame"])
def test_arrays_that_are_no_frames(image: object) -> None:
    with pytest.raises(FrameError, match=r"frame 0 is .*, expected a uint8 array"):
        open_source([image])  # type: ignore[list-item]


def test_no_arrays() -> None:
    with pytest.raises(SourceError, match="gave no frame"):
        open_source([])
