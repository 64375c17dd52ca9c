"""Addresses that cannot be opened, and the sentence of each."""

from __future__ import annotations

import errno
import socket
import threading
from http.server import BaseHTTPRequestHandler

import pytest
from av import error as ffmpeg

from edgeseg.errors import EdgeSegError, SourceError
from edgeseg.video.network_refusals import refusal
from edgeseg.video.open import open_source
from edgeseg.video.supervised.life import Policy
from tests.video.http_server import Serve, sent

pytestmark = pytest.mark.usefixtures("no_thread_left")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "asks for user and password"), (403, "asks for user and password"), (404, "has no such stream"),
     (500, "cannot be opened (Server returned 5XX"), (503, "the server fails: look at it, or try again later")],
)  # fmt: skip
def test_each_refusal_has_its_sentence(serve: Serve, status: int, sentence: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(serve(sent(b"", status=status)) + "/live", timeout=2)
    assert sentence in str(caught.value)


def test_a_page_is_no_video(serve: Serve) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/html")
        request.end_headers()
        request.wfile.write(b"<html>Please log in</html>" * 50)

    with pytest.raises(SourceError, match="sends no video"):
        open_source(serve(answer), timeout=2)


def test_an_option_whose_value_is_none_is_named(serve: Serve) -> None:
    with pytest.raises(SourceError, match=r"check the URL and the option probesize$"):
        open_source(serve(sent(b"")) + "/live", timeout=2, options={"probesize": "abc"})


@pytest.mark.parametrize("scheme", ["rtsp", "http", "tcp", "rtmp", "RTSP", "Http"])
def test_a_closed_port_refuses(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceError, match="refused the connection"):
        open_source(f"{scheme}://127.0.0.1:{port}/live", timeout=5)


@pytest.mark.parametrize("scheme", ["rtps", "htp", "nonsense"])
def test_an_unknown_scheme_is_named(scheme: str) -> None:
    with pytest.raises(SourceError, match=f"begins with {scheme}://, which FFmpeg does not speak"):
        open_source(f"{scheme}://127.0.0.1/live", timeout=5)


@pytest.mark.parametrize("scheme", ["srt", "SRT", "sftp", "rist"])
def test_a_protocol_that_this_ffmpeg_was_built_without_is_no_misspelling(scheme: str) -> None:
    said = f"begins with {scheme.lower()}://, which the installed FFmpeg was built without"
    with pytest.raises(SourceError, match=said):
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
        ("tcp://[::1]", r"tcp://\[::1\] names no port; write tcp://HOST:PORT"),
        ("rtsp://127.0.0.1:0/x", "rtsp://127.0.0.1:0/x names no port; write rtsp://HOST:PORT"),
        ("http://127.0.0.1:/x", "names no port"),
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


def test_rtp_without_its_description() -> None:
    """Payload types from 96 on mean what the description says (RFC 3551, 6)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        place = free.getsockname()
    ended = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not ended.wait(0.02):
                sender.sendto(b"\x80\x60" + bytes(50), place)

    camera = threading.Thread(target=send)
    camera.start()
    try:
        with pytest.raises(SourceError, match=r"without its description \(SDP\).*http://HOST/NAME.sdp"):
            open_source(f"rtp://127.0.0.1:{place[1]}", timeout=5)
    finally:
        ended.set()
        camera.join()


def test_a_port_that_is_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(SourceError, match="another program holds that port"):
            open_source(f"udp://127.0.0.1:{taken.getsockname()[1]}", timeout=5)


def test_an_address_of_another_machine() -> None:
    """That FFmpeg fails at once is not asked for: older ones wait."""
    error = ffmpeg.OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    assert "names an address that this machine does not have" in refusal(error, "udp://192.0.2.1:5000").sentence


def test_an_address_of_a_network_that_this_machine_is_not_in() -> None:
    """As an IPv6 address, where there is no IPv6."""
    error = ffmpeg.OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    assert refusal(error, "rtsp://[2001:db8::1]/live").sentence.startswith("cannot be reached: no host answers")


def test_a_transport_that_the_camera_does_not_send_by() -> None:
    """As of one that only sends by UDP, which is not asked for by default."""

    sdp = "v=0\r\nm=video 0 RTP/AVP 26\r\na=control:video\r\n"
    answers = ("200 OK", "", ""), ("200 OK", f"Content-Length: {len(sdp)}\r\n", sdp), ("461 Unsupported", "", "")

    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as words:
            for status, field, body in answers:
                lines = iter(words.readline, b"\r\n")
                number = [line.decode() for line in lines if line.startswith(b"CSeq")]  # "CSeq: 1\r\n"
                connection.sendall(f"RTSP/1.0 {status}\r\n{''.join(number)}{field}\r\n{body}".encode())

    with socket.create_server(("127.0.0.1", 0)) as server:
        camera = threading.Thread(target=answer, args=(server,))
        camera.start()
        with pytest.raises(SourceError, match="by that transport; try --source-option rtsp_transport=udp"):
            open_source(f"rtsp://127.0.0.1:{server.getsockname()[1]}/live", timeout=5)
        camera.join()
