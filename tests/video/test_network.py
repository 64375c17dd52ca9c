"""Live streams from real servers on this machine: what is lost, what goes on, and in time."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from edgeseg.errors import EdgeSegError, SourceError
from edgeseg.video.network import MENDED
from edgeseg.video.open import open_source
from edgeseg.video.source import Ended, Frame
from edgeseg.video.supervised.life import Policy

pytestmark = pytest.mark.usefixtures("no_thread_left")
MakeVideo = Callable[..., Path]
Handler = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], str]]:
    """`serve(answer)`: the address of an HTTP server that answers every GET so."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(answer: Handler) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def jpeg(level: int, size: tuple[int, int] = (64, 48)) -> bytes:
    return cv2.imencode(".jpg", np.full((size[1], size[0], 3), level, np.uint8))[1].tobytes()


def mjpeg(pictures: list[bytes], pause: float, *, hold: float = 0.0) -> Handler:
    """A camera's MJPEG: a picture every `pause` seconds; then silence for `hold` seconds."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        request.end_headers()
        try:
            for picture in pictures:
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                request.wfile.write(head.encode() + picture + b"\r\n")
                time.sleep(pause)
            time.sleep(hold)
        except OSError:  # whoever listened has gone
            pass

    return answer


def read(url: str, timeout: float = 2.0) -> tuple[list[Frame], object]:
    with open_source(url, timeout=timeout) as source:
        return list(source), source


def test_times_of_mjpeg_are_those_of_arrival(serve: Callable[[Handler], str]) -> None:
    """10 frames a second, of which FFmpeg would make 25."""
    url = serve(mjpeg([jpeg(10 * n) for n in range(20)], 0.1))
    with open_source(url, timeout=10) as source:
        frames = list(source)
    assert source.fps is None
    assert len(frames) + source.skipped.before_start + source.dropped >= 19
    seen = [frame.timestamp for frame in frames]
    arrived = [frame.captured - frames[0].captured for frame in frames]
    assert np.allclose(np.array(seen) - seen[0], arrived, atol=0.02)
    assert source.ended is not None
    assert source.ended.how == "lost"


def test_a_damaged_picture_does_not_end_mjpeg(serve: Callable[[Handler], str]) -> None:
    pictures = [jpeg(10 * n) for n in range(20)]
    pictures[8] = pictures[8][:100]
    pictures[10] = b"\xff\xd8" + bytes(300)
    pictures[12] = b"garbage" * 30
    pictures[14] = b""
    with open_source(serve(mjpeg(pictures, 0.05)), timeout=2) as source:
        frames = list(source)
    assert frames[-1].image.mean() == pytest.approx(190, abs=3)
    assert source.skipped.damaged == 4


def test_nothing_but_damage_ends_in_time(serve: Callable[[Handler], str]) -> None:
    pictures = [jpeg(n) for n in range(5)] + [jpeg(9)[:100]] * 100
    with open_source(serve(mjpeg(pictures, 0.03)), timeout=1) as source:
        assert len(list(source)) >= 1
    assert source.ended is not None
    assert "gave no frame that can be decoded" in str(source.ended.reason)


def test_a_change_of_size_in_a_live_stream(serve: Callable[[Handler], str]) -> None:
    pictures = [jpeg(100)] * 8 + [jpeg(100, (96, 64))] * 8
    frames, _ = read(serve(mjpeg(pictures, 0.05)))
    assert {frame.image.shape for frame in frames} == {(48, 64, 3), (64, 96, 3)}
    assert frames[-1].image.shape == (64, 96, 3)


def test_silence_is_a_time_out(serve: Callable[[Handler], str]) -> None:
    with open_source(serve(mjpeg([jpeg(n) for n in range(10)], 0.02, hold=5)), timeout=0.5) as source:
        assert len(list(source)) >= 1
    assert source.ended == Ended("lost", f"{source.name} gave no frame for 0.5 s")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "asks for user and password"), (403, "asks for user and password"), (404, "has no such stream"),
     (500, "cannot be opened (Server returned 5XX"), (503, "the server fails: look at it, or try again later")],
)  # fmt: skip
def test_each_refusal_has_its_sentence(serve: Callable[[Handler], str], status: int, sentence: str) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()

    with pytest.raises(SourceError) as caught:
        open_source(serve(answer) + "/live", timeout=2)
    assert sentence in str(caught.value)


def test_a_page_is_no_video(serve: Callable[[Handler], str]) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.end_headers()
        request.wfile.write(b"<html>Please log in</html>" * 50)

    with pytest.raises(SourceError, match="sends no video"):
        open_source(serve(answer), timeout=2)


@pytest.mark.parametrize("scheme", ["rtsp", "http", "tcp", "rtmp"])
def test_a_closed_port_refuses(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceError, match="refused the connection"):
        open_source(f"{scheme}://127.0.0.1:{port}/live", timeout=5)


@pytest.mark.parametrize("scheme", ["rtps", "htp", "SRT", "nonsense"])
def test_an_unknown_scheme_is_named(scheme: str) -> None:
    with pytest.raises(SourceError, match=f"begins with {scheme}://, which FFmpeg does not speak"):
        open_source(f"{scheme}://127.0.0.1/live", timeout=5)


@pytest.mark.parametrize("scheme", ["srt", "sftp", "rist"])
def test_a_protocol_that_this_ffmpeg_was_built_without_is_no_misspelling(scheme: str) -> None:
    with pytest.raises(SourceError, match=f"begins with {scheme}://, which the installed FFmpeg was built without"):
        open_source(f"{scheme}://127.0.0.1:9/live", timeout=5)


def test_the_path_of_a_camera_is_no_url() -> None:
    with pytest.raises(SourceError, match=r"begins with v4l2://, .* or /dev/videoN"):
        open_source("v4l2:///dev/video0", timeout=5)


@pytest.mark.parametrize("reconnect", [None, Policy()])
@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("rtsp://", "rtsp:// names no host"),
        ("http:///x", "http:///x names no host"),
        ("rtsp://user:secret@/x", r"rtsp://\*\*\*@/x names no host"),
        ("tcp://127.0.0.1:65536", "has a port above 65535"),
        ("rtmp:///live", "rtmp:///live names no host"),
        ("udp://127.0.0.1", "names no port"),
        ("udp://@239.0.0.1:0?ttl=1", "names no port"),
        ("rtsp://::1:554/x", r"has no host and port that can be read; .* \[::1\]:554"),
        ("http://[::1/x", "has no host and port that can be read"),
        ("rtsp://127.0.0.1:five/x", "has no host and port that can be read"),
    ],
)
def test_an_address_that_leads_nowhere_is_not_asked_for_ever(url: str, sentence: str, reconnect: Policy | None) -> None:
    with pytest.raises(EdgeSegError, match=sentence):
        open_source(url, timeout=5, reconnect=reconnect)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.168.1..20", "a" * 64])
def test_an_unknown_host_is_named(host: str) -> None:
    with pytest.raises(SourceError, match="has a host that is not known here"):
        open_source(f"http://{host}/live", timeout=10)


def test_a_proxy_that_may_be_in_the_way_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    with pytest.raises(SourceError, match=r"refused the connection.*\(asked through the proxy of") as error:
        open_source("http://127.0.0.1:10/live", timeout=5)
    assert "secret" not in str(error.value)
    with pytest.raises(SourceError) as error:  # which no proxy is asked for
        open_source("rtsp://127.0.0.1:10/live", timeout=5)
    assert "proxy" not in str(error.value)


def test_a_port_that_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(SourceError, match="another program holds that port"):
            open_source(f"udp://127.0.0.1:{taken.getsockname()[1]}", timeout=5)


def test_an_address_of_another_machine() -> None:
    with pytest.raises(SourceError, match="names an address that this machine does not have"):
        open_source("udp://192.0.2.1:5000", timeout=5)


def test_a_transport_that_the_camera_does_not_send_by() -> None:
    """As of one that only sends by UDP, which is not asked for by default."""

    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        sdp = "v=0\r\nm=video 0 RTP/AVP 26\r\na=control:video\r\n"
        with connection, connection.makefile("rb") as words:
            for answers in ("200 OK\r\n", f"200 OK\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}", "461 Unsupported\r\n"):
                lines = list(iter(words.readline, b"\r\n"))
                number = next(line for line in lines if line.startswith(b"CSeq")).decode().strip()
                status, _, rest = answers.partition("\r\n")
                connection.sendall(f"RTSP/1.0 {status}\r\n{number}\r\n{rest or chr(13) + chr(10)}".encode())

    with socket.create_server(("127.0.0.1", 0)) as server:
        camera = threading.Thread(target=answer, args=(server,))
        camera.start()
        with pytest.raises(SourceError, match="by that transport; try --source-option rtsp_transport=udp"):
            open_source(f"rtsp://127.0.0.1:{server.getsockname()[1]}/live", timeout=5)
        camera.join()


def test_a_file_whose_server_goes_is_lost(
    tmp_path: Path, make_video: MakeVideo, serve: Callable[[Handler], str]
) -> None:
    data = make_video(tmp_path / "a.mkv", count=200, size=(320, 240)).read_bytes()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data[: len(data) // 2])

    with open_source(serve(answer) + "/a.mkv", timeout=2) as source:
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


LIVE = {"flv": {}, "mp4": {"movflags": "empty_moov+frag_keyframe+default_base_moof"}}
"""Formats of live streams that announce a length, with FFmpeg's options."""


def pushed(format: str, options: dict[str, str]) -> bytes:
    """A video as it is sent while it is filmed: what comes first cannot know how long it gets."""

    class Sent(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            sent.extend(data)
            return len(data)

    sent = bytearray()
    with av.open(Sent(), "w", format=format, options=options) as container:
        stream = container.add_stream("libx264", rate=25, options={"tune": "zerolatency", "g": "10"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(50):
            picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return bytes(sent)


def relayed(data: bytes, length: int | None = None) -> Handler:
    """Who relays a live stream does not know where it ends, and tells no length."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Connection", "close")
        if length is not None:
            request.send_header("Content-Length", str(length))
        request.end_headers()
        request.wfile.write(data)

    return answer


@pytest.mark.parametrize("format", LIVE)
def test_a_length_that_is_not_that_of_all_that_will_come(serve: Callable[[Handler], str], format: str) -> None:
    with open_source(serve(relayed(pushed(format, LIVE[format]))) + "/live", timeout=5) as source:
        assert source.live


def test_fragments_of_a_known_length_have_an_end(serve: Callable[[Handler], str]) -> None:
    data = pushed("mp4", LIVE["mp4"])
    with open_source(serve(relayed(data, len(data))) + "/video", timeout=5) as source:
        assert not source.live
        assert len(list(source)) == 50


def whole_mp4(video: Path) -> bytes:
    """The video as an MP4 that begins with its index."""
    target = video.with_name("whole.mp4")
    with av.open(str(video)) as source, av.open(str(target), "w", options={"movflags": "faststart"}) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return target.read_bytes()


def test_an_mp4_without_a_length_in_bytes_has_an_end(
    tmp_path: Path, make_video: MakeVideo, serve: Callable[[Handler], str]
) -> None:
    """The end of the connection ends it: what the decoder holds by then, as frames are reordered, is not lost."""
    data = whole_mp4(make_video(tmp_path / "a.mp4"))
    with open_source(serve(relayed(data)) + "/video", timeout=5) as source:
        assert not source.live
        assert len(list(source)) == 20


def write_hls(folder: Path) -> None:
    """Six segments of a second, 0.ts and so on, and the playlist that names them."""
    options = {"hls_time": "1", "hls_list_size": "0", "hls_segment_filename": str(folder / "%d.ts")}
    with av.open(str(folder / "list.m3u8"), "w", format="hls", options=options) as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "25", "tune": "zerolatency"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(150):
            picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("absent", "said"),
    [
        ([], None),
        ([2], "leaves out a stretch of its time, 1.0 s in all"),
        ([1, 3, 4], "leaves out 2 stretches of its time, 3.0 s in all"),
    ],
)
def test_segments_that_the_server_does_not_give(
    tmp_path: Path, serve: Callable[[Handler], str], absent: list[int], said: str | None
) -> None:
    """FFmpeg passes over them without a word."""
    write_hls(tmp_path)
    for number in absent:
        (tmp_path / f"{number}.ts").unlink()

    def answer(request: BaseHTTPRequestHandler) -> None:
        path = tmp_path / request.path.strip("/")
        body = path.read_bytes() if path.exists() else b""
        request.send_response(200 if body else 404)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    with open_source(serve(answer) + "/list.m3u8", timeout=5) as source:
        frames = list(source)
    assert len(frames) == 150 - 25 * len(absent)
    assert source.ended_early == bool(absent)
    assert [warning.partition(";")[0] for warning in source.warnings] == ([f"{source.name} {said}"] if said else [])


def test_live_hls_keeps_its_frames(tmp_path: Path, serve: Callable[[Handler], str]) -> None:
    """Segments of a second come at once; their frames are given at their pace, and none is lost."""
    segments: list[bytes] = []
    for number in range(6):
        path = tmp_path / f"{number}.ts"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"crf": "1", "tune": "zerolatency"})
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for index in range(25 * number, 25 * number + 25):
                picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index, np.uint8), format="bgr24")
                picture.pts = index
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        segments.append(path.read_bytes())
    began = time.monotonic()

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path.endswith(".m3u8"):
            ready = min(len(segments), 3 + int(time.monotonic() - began))
            first = max(0, ready - 4)
            lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
            body = "\n".join([*lines, *(f"#EXTINF:1.0,\n{n}.ts" for n in range(first, ready))]).encode() + b"\n"
        else:
            body = segments[int(request.path.strip("/").removesuffix(".ts"))]
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    with open_source(serve(answer) + "/live.m3u8", timeout=2) as source:
        assert source.live
        started = time.monotonic()
        frames = []
        for frame in source:
            frames.append(frame)
            if frame.index >= 120:
                break
    assert time.monotonic() - started > 3  # at their pace, not in bursts
    assert source.dropped <= 2
    assert len(frames) >= 115
    assert np.allclose(np.diff([frame.timestamp for frame in frames]), 0.04, atol=0.1)
