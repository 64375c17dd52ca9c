"""Sources on a network: reasons, user and password, every frame or the newest."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.redact import redact
from tests.cpp.run.process import SECONDS, Start, complaint, pictures, report, written
from tests.video.conftest import write_video
from tests.video.http_server import folder, relayed, sent, served
from tests.video.namespace import Loopback, free_port, wait_until
from tests.video.sent_videos import LIVE, UNANNOUNCED, pushed, whole_mp4, write_hls


def test_a_video_on_a_network_has_every_frame(start: Start, lossless: Path, tmp_path: Path) -> None:
    """Its length is known: none is dropped, however slow the masks are, and the times are its own."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(lossless.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/{lossless.name}"
        found = report(start(url, "--masks", "url", "--mode", "latency", "--out", "url.mkv"))
        again = start(url, "--reconnect")
        assert "it has an end" in complaint(again)
        server.shutdown()
    assert (found["frames"], found["dropped"], found["warnings"]) == (7, 0, [])
    assert found["ended"] == {"how": "end_of_file", "reason": None}
    with av.open(str(tmp_path / "url.mkv")) as recorded:
        assert [round(10 * frame.time) for frame in recorded.decode(video=0) if frame.time is not None] == [*range(7)]
    report(start(lossless, "--masks", "file"))
    assert pictures(tmp_path / "url") == pictures(tmp_path / "file")


@pytest.mark.parametrize("format", LIVE)
def test_a_length_that_is_not_that_of_all_that_will_come(start: Start, format: str) -> None:
    with served(relayed(pushed(format, LIVE[format]))) as url:
        found = report(start(url, "--mode", "latency", "--tolerate-loss"))
    assert found["ended"]["how"] == "lost"
    assert found["frames"] + sum(found["skipped"].values()) == 50
    assert found["frames"] < 50


@pytest.mark.parametrize("format", UNANNOUNCED)
def test_a_known_number_of_bytes_has_an_end(start: Start, format: str) -> None:
    with served(sent(pushed(format, codec=UNANNOUNCED[format]))) as url:
        found = report(start(url))
    assert (found["frames"], found["warnings"], found["ended"]["how"]) == (50, [], "end_of_file")


def test_an_mp4_with_its_index_at_its_end_and_a_server_without_byte_ranges(start: Start, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 96, 128, 3), np.uint8)
    with av.open(str(tmp_path / "end.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 128, 96, "yuv420p", 4_000_000
        for picture in noise:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "bgr24")))
        container.mux(stream.encode(None))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = complaint(start(f"http://127.0.0.1:{server.server_address[1]}/end.mp4"))
        server.shutdown()
    assert "needs a server that gives byte ranges" in said


def test_frames_that_the_decoder_holds_when_the_connection_ends(start: Start, tmp_path: Path) -> None:
    with served(relayed(whole_mp4(write_video(tmp_path / "a.mp4")))) as url:
        found = report(start(url))
    assert (found["frames"], found["warnings"], found["ended"]["how"]) == (20, [], "end_of_file")


def test_segments_that_the_server_does_not_give(start: Start, tmp_path: Path) -> None:
    write_hls(tmp_path)
    (tmp_path / "2.ts").unlink()
    with served(folder(tmp_path)) as url:
        found = report(start(f"{url}/list.m3u8"))
    assert found["frames"] == 125
    assert ["leaves out a stretch of its time, 1.0 s in all" in each for each in found["warnings"]] == [True]


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@127.0.0.1:9/path",
        "rtsp://user:sec/ret@127.0.0.1:9/live?key=secret",
        "http://127.0.0.1:9/cgi;password=secret",
        "http://127.0.0.1:9/a=secret",
        "http://127.0.0.1:9/user:secret/a",
        "rtsp:///user:secret@127.0.0.1:9/live",
        "rtsp://us/er:secret@127.0.0.1:9/live",
    ],
)
def test_nobody_listens_and_no_secret_is_shown(start: Start, url: str) -> None:
    said = complaint(start(url, "--timeout", "3"))
    assert redact(url) in said
    assert "secret" not in said


def test_refusals_have_their_reason(start: Start, servers: Loopback) -> None:
    assert "refused the connection" in complaint(start("http://127.0.0.1:9/"))
    assert "not known here" in complaint(start("http://nowhere.invalid/"))
    port = free_port()
    servers.start("mjpeg", port, "user=me:word")
    assert "user and password" in complaint(start(f"http://127.0.0.1:{port}/"))
    assert "user and password" in complaint(start(f"http://me:no@127.0.0.1:{port}/"))
    assert report(start(f"http://me:word@127.0.0.1:{port}/", "--max-frames", "3"))["frames"] == 3


def test_credentials_of_a_file(start: Start, servers: Loopback, tmp_path: Path) -> None:
    port = free_port()
    servers.start("mjpeg", port, "user=me:wo@r/d")
    file = tmp_path / "secret"
    file.write_text("me:wo@r/d\n")
    assert "chmod 600" in complaint(start(f"http://127.0.0.1:{port}/", "--credentials", file))
    file.chmod(0o600)
    assert report(start(f"http://127.0.0.1:{port}/", "--credentials", file, "--max-frames", "3"))["frames"] == 3


def test_the_newest_frame_of_a_camera(start: Start, servers: Loopback) -> None:
    port = free_port()
    servers.start("mjpeg", port, "fps=200", "size=640x480")
    process = start(f"http://127.0.0.1:{port}/", "--max-frames", "20", "--mode", "latency")
    found = report(process)
    assert (process.returncode, found["frames"]) == (0, 20)
    assert found["dropped"] == found["skipped"]["replaced"] > 0
    assert found["ended"] == {"how": "stopped", "reason": "after 20 frames, as asked"}
    assert found["connection"] is None


def test_mjpeg_of_another_type(start: Start, servers: Loopback) -> None:
    port = free_port()
    servers.start("mjpeg", port, "type=image/jpg")
    found = report(start(f"http://127.0.0.1:{port}/", "--max-frames", "5"))
    assert (found["frames"], found["skipped"]["damaged"]) == (5, 0)


@pytest.mark.parametrize("tolerate", [False, True])
def test_a_camera_that_goes_is_lost(start: Start, servers: Loopback, tmp_path: Path, tolerate: bool) -> None:
    port = free_port()
    server = servers.start("mjpeg", port)
    options = ["--tolerate-loss"] if tolerate else []
    process = start(f"http://127.0.0.1:{port}/", "--masks", "masks", "--timeout", "2", *options)
    wait_until(lambda: written(tmp_path / "masks") > 3, SECONDS)
    servers.stop(server)
    found = report(process)
    assert process.returncode == (0 if tolerate else 3)
    assert found["ended"]["how"] == "lost"
    assert f"http://127.0.0.1:{port}/" in found["ended"]["reason"]
    assert found["frames"] == written(tmp_path / "masks")


def test_rtsp(start: Start, servers: Loopback) -> None:
    port = free_port()
    servers.rtsp(int(port))
    found = report(start(f"rtsp://127.0.0.1:{port}/live", "--max-frames", "10"))
    assert (found["frames"], found["width"], found["height"]) == (10, 320, 240)
