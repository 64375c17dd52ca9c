"""User and password from a file, the environment or the URL; servers verified by their certificates."""

from __future__ import annotations

import base64
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeseg.errors import SourceError, UsageError
from edgeseg.video.access import Access, Credentials, read_credentials
from edgeseg.video.open import open_source, parse_options, unread
from edgeseg.video.option_names import check_names
from edgeseg.video.url import take_apart

MakeVideo = Callable[..., Path]
PASSWORD = "p@ss/w:rd #1%"


class Guarded(SimpleHTTPRequestHandler):
    """Serves files to whoever knows the password."""

    def do_GET(self) -> None:
        expected = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {expected}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class Open(SimpleHTTPRequestHandler):
    """Serves files to all."""

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def serve(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def guarded(tmp_path: Path, make_video: MakeVideo) -> Iterator[int]:
    make_video(tmp_path / "a.mp4")
    yield from serve(ThreadingHTTPServer(("127.0.0.1", 0), partial(Guarded, directory=str(tmp_path))))


def frames(url: str, access: Access | None = None) -> int:
    with open_source(url, timeout=5, access=access) as source:
        assert "p@ss" not in source.name
        return len(list(source))


def test_credentials_given(guarded: int) -> None:
    assert frames(f"http://127.0.0.1:{guarded}/a.mp4", Access(Credentials("admin", PASSWORD))) == 20


def test_credentials_of_the_environment(guarded: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESEG_USER", "admin")
    monkeypatch.setenv("EDGESEG_PASSWORD", PASSWORD)
    assert frames(f"http://127.0.0.1:{guarded}/a.mp4") == 20


def test_credentials_in_the_url_encoded_or_not(guarded: int) -> None:
    encoded = take_apart(f"http://127.0.0.1:{guarded}/a.mp4").with_userinfo("admin", PASSWORD)
    assert PASSWORD not in encoded
    assert frames(encoded) == 20
    assert take_apart(f"http://admin:s3c/ret@127.0.0.1:{guarded}/a.mp4").host == f"127.0.0.1:{guarded}"


def test_without_credentials_they_are_asked_for(guarded: int) -> None:
    with pytest.raises(SourceError, match=r"asks for user and password.*--credentials FILE"):
        frames(f"http://127.0.0.1:{guarded}/a.mp4")


def test_wrong_credentials_are_refused(guarded: int) -> None:
    with pytest.raises(SourceError, match=r"\*\*\*@127\.0\.0\.1.*refuses this user and password") as caught:
        frames(f"http://admin:wr0ng@127.0.0.1:{guarded}/a.mp4")
    assert "wr0ng" not in str(caught.value)


def test_no_such_stream(guarded: int) -> None:
    with pytest.raises(SourceError, match="has no such stream"):
        frames(f"http://127.0.0.1:{guarded}/b.mp4", Access(Credentials("admin", PASSWORD)))


def test_a_printed_password_is_hidden() -> None:
    assert PASSWORD not in repr(Access(Credentials("admin", PASSWORD)))


def test_file_with_credentials(tmp_path: Path) -> None:
    path = tmp_path / "camera"
    path.write_text(f"admin:{PASSWORD}\n")
    path.chmod(0o600)
    assert read_credentials(path) == Credentials("admin", PASSWORD)
    for mode in (0o640, 0o604, 0o644):
        path.chmod(mode)
        with pytest.raises(UsageError, match="others than its owner may read"):
            read_credentials(path)


@pytest.mark.parametrize("content", ["", "admin", ":secret", "\n"])
def test_file_without_credentials(tmp_path: Path, content: str) -> None:
    path = tmp_path / "camera"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(UsageError, match="holds no credentials") as caught:
        read_credentials(path)
    assert "secret" not in str(caught.value)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the credentials"):
        read_credentials(tmp_path / "none")


@pytest.fixture
def encrypted(tmp_path: Path, make_video: MakeVideo) -> Iterator[int]:
    """An https server whose certificate, cert.pem, nobody knows."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *names], check=True, capture_output=True)
    make_video(tmp_path / "a.mp4")
    make_video(tmp_path / "0.ts")
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.8,\n0.ts\n#EXT-X-ENDLIST\n")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Open, directory=str(tmp_path)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that refuse the certificate
    yield from serve(server)


def test_an_unknown_certificate_is_refused(encrypted: int) -> None:
    with pytest.raises(SourceError, match=r"its certificate is not one of those that are trusted.*--ca FILE"):
        frames(f"https://127.0.0.1:{encrypted}/a.mp4")


def test_a_certificate_of_ones_own(encrypted: int, tmp_path: Path) -> None:
    assert frames(f"https://127.0.0.1:{encrypted}/a.mp4", Access(ca=tmp_path / "cert.pem")) == 20


def test_insecure_takes_any(encrypted: int) -> None:
    assert frames(f"https://127.0.0.1:{encrypted}/a.mp4", Access(insecure=True)) == 20


def test_what_is_not_verified_is_said(encrypted: int, tmp_path: Path) -> None:
    with open_source(f"https://127.0.0.1:{encrypted}/a.m3u8", access=Access(ca=tmp_path / "cert.pem")) as source:
        assert len(list(source)) > 0
    assert any("not those of its segments" in warning for warning in source.warnings)


def test_no_certificates(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.pem is no file, expected certificates"):
        open_source("https://127.0.0.1:9/", access=Access(ca=tmp_path / "none.pem"))


@pytest.mark.parametrize(
    ("source", "access", "name"),
    [
        ("rtsp://h/1", Access(Credentials("me", PASSWORD)), None),
        ("RTSPS://h/1", Access(Credentials("me", PASSWORD), ca=Path("a.pem")), None),
        ("https://me:s@h/1", Access(insecure=True), None),
        ("street.mp4", Access(), None),
        ("street.mp4", Access(Credentials("me", PASSWORD)), "credentials"),
        ("0", Access(Credentials("me", PASSWORD)), "credentials"),
        ("rtspsrc location=rtsp://h/1 ! appsink", Access(Credentials("me", PASSWORD)), "credentials"),
        ("rtsp://me@h/1", Access(Credentials("me", PASSWORD)), "credentials"),
        ("street.mp4", Access(ca=Path("a.pem")), "ca"),
        ("https://h/1", Access(ca=Path("a.pem"), insecure=True), "ca"),
        ("http://h/1", Access(insecure=True), "insecure"),
        ("rtsp://h/1 ! appsink", Access(insecure=True), "insecure"),
    ],
)
def test_what_nothing_would_read(source: str, access: Access, name: str | None) -> None:
    found = unread(source, access)
    assert (None if found is None else found[0]) == name
    if found is not None:
        with pytest.raises(UsageError, match=f"{name} is"):
            open_source(source, access=access)


@pytest.mark.parametrize("source", [0, "0", "rtsp://127.0.0.1:9/1", "videotestsrc ! appsink", "a.png", Path()])
def test_follow_is_for_video_files(source: str | int | Path) -> None:
    with pytest.raises(UsageError, match="follow waits at the end of a video file"):
        open_source(source, follow=True)


@pytest.mark.parametrize("source", [0, "videotestsrc ! appsink", "a.png", Path()])
def test_options_are_for_what_ffmpeg_reads(source: str | int | Path) -> None:
    with pytest.raises(UsageError, match="options is for what FFmpeg reads"):
        open_source(source, options={"rtsp_transport": "udp"})


@pytest.mark.parametrize(
    "given", [{"follow": True}, {"options": {"probesize": "32"}}, {"access": Access(insecure=True)}]
)
def test_an_iterable_of_frames_opens_nothing(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="not for an iterable of frames"):
        open_source([np.zeros((4, 4, 3), np.uint8)], **given)


def test_options_are_pairs() -> None:
    assert parse_options(["rtsp_transport=udp", "user_agent=a=b"]) == {"rtsp_transport": "udp", "user_agent": "a=b"}
    with pytest.raises(UsageError, match="is no NAME=VALUE"):
        parse_options(["udp"])


@pytest.mark.parametrize("name", ["rtsp_transprot", "RTSP_TRANSPORT", "stimeout", "crf_\udcff"])
def test_an_option_that_ffmpeg_does_not_have(name: str) -> None:
    with pytest.raises(UsageError, match=f"FFmpeg has no option '{name[:3]}.*check its spelling"):
        open_source("rtsp://127.0.0.1:9/x", timeout=1, options={name: "udp"})


def test_options_of_formats_protocols_and_codecs() -> None:
    names = ["rtsp_transport", "analyzeduration", "allowed_extensions", "user_agent", "buffer_size", "skip_frame"]
    check_names(names)
