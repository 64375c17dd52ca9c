"""What a bucket's server answers, and what a user is told of it."""

from __future__ import annotations

import os
import random
import shutil
import socket
import threading
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

pytest.importorskip("pyarrow", reason="tables of archives need pyarrow: pip install 'edgeseg[batch]'")
pytest.importorskip("boto3", reason="a server of S3 for tests is moto's: pip install 'moto[s3]' flask flask-cors")
pytest.importorskip("moto.server", reason="a server of S3 for tests is moto's: pip install 'moto[s3]' flask flask-cors")

from edgeseg.archive import bucket, store
from edgeseg.archive.address import Object, locate
from edgeseg.archive.videos import find_videos
from edgeseg.errors import OutputError, SourceError, UsageError
from tests.archive.buckets import Server

Batch = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.usefixtures("environment")


def test_bytes_by_ranges(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = server.bucket()
    content = random.Random(0).randbytes(5000)
    (tmp_path / "x").write_bytes(content)
    there.put(tmp_path / "x", "x")
    monkeypatch.setattr(store, "AHEAD", 64)
    chance = random.Random(1)
    with store.open_file(locate(f"{there.url}/x")) as file:
        for _ in range(60):
            at, count, whence = chance.randrange(-5000, 6000), chance.randrange(300), chance.choice([0, 2])
            begin = max(0, at if whence == os.SEEK_SET else 5000 + at)
            if whence == os.SEEK_SET:
                at = begin
            assert file.seek(at, whence) == begin
            assert file.read(count) == content[begin : begin + count]


def test_an_object_that_is_not_sent_to_its_end_is_not_there(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = server.bucket()
    (tmp_path / "x").write_bytes(bytes(1000))

    def break_off(source: Any, target: Any, *_: int) -> None:
        target.write(source.read(500))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", break_off)
        with pytest.raises(KeyboardInterrupt):
            bucket.send(tmp_path / "x", Object(there.name, "x", server.url))
    assert there.objects() == {}


def test_keys_that_lead_elsewhere_are_no_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes into the bucket must not say where this machine writes. moto takes no such keys."""
    from pyarrow.fs import FileInfo, FileType

    listed = [FileInfo(f"bucket/in/{key}", FileType.File, size=4) for key in ("a.mp4", "/etc/b.mp4", "../../c.mp4")]
    folder = FileInfo("bucket/in", FileType.Directory)
    answer = Mock(side_effect=lambda asked: folder if isinstance(asked, str) else listed)
    monkeypatch.setattr(bucket, "system", Mock(return_value=Mock(get_file_info=answer)))
    videos, others = find_videos([Object("bucket", "in")], tmp_path / "out")
    assert ([video.name for video in videos], others) == (["a.mp4"], 1)


def test_permissions(
    batch: Batch, make_video: Callable[..., Path], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = server.bucket()
    video = make_video(tmp_path / "a.mp4", 8)
    there.put(video, "a.mp4")
    key, secret = server.reader()

    def demand(actions: str) -> None:
        url, kind = f"{server.url}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(url, actions.encode(), kind)).close()

    demand("0")
    try:
        with pytest.raises(
            SourceError, match=r"gives no permission for s3://bucket-.*it takes s3:ListBucket"
        ) as caught:
            batch(f"{there.url}/a.mp4", out=tmp_path / "out")
        assert "hunter2" not in str(caught.value)
        bucket.system.cache_clear()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        assert batch(f"{there.url}/a.mp4", out=tmp_path / "out")["code"] == 0
        with pytest.raises(OutputError, match=r"gives no permission for .*/settings\.json; .*s3:PutObject") as refused:
            batch(video, out=f"{there.url}/out")
        assert secret not in str(refused.value)
    finally:
        demand("inf")


def test_a_server_that_says_nothing(
    batch: Batch, make_video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket, "SECONDS", 1.0)
    video = make_video(tmp_path / "a.mp4", 8)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        url = f"s3://bucket/out?endpoint_override={address}&scheme=http"
        with pytest.raises(SourceError, match=f"at http://{address} does not answer for s3://bucket "):
            batch(video, out=url)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (301, "bucket bucket lies in the region eu-west-1; set AWS_REGION=eu-west-1"),
        (400, r"refuses the credentials for s3://bucket \(HTTP status 400\); .* whether AWS_SESSION_TOKEN has expired"),
        (403, "gives no permission for s3://bucket; .* and this machine's clock"),
        (503, r"is overloaded or out of order \(HTTP status 503\); run the same command later"),
    ],
)
def test_what_a_server_answers_without_a_word(status: int, said: str) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.send_header("x-amz-bucket-region", "eu-west-1" if status == 301 else "us-east-1")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as other:
        thread = threading.Thread(target=other.serve_forever, args=(0.01,))
        thread.start()
        try:
            with pytest.raises(SourceError, match=said):
                store.check(Object("bucket", "", f"http://127.0.0.1:{other.server_port}", "us-east-1"))
        finally:
            other.shutdown()
            thread.join()


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken"])
def test_codes_that_pyarrow_has_no_name_for(code: str) -> None:
    text = f"AWS Error UNKNOWN (HTTP status 400) during PutObject operation: Unable to parse ExceptionName: {code} Mes"
    said = rf"refuses the credentials for s3://bucket/x \({code}\)"
    with pytest.raises(OutputError, match=said), bucket.asking(Object("bucket", "x"), OutputError):
        raise OSError(text)


def test_a_pyarrow_without_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.fs

    monkeypatch.delattr(pyarrow.fs, "S3FileSystem")
    with pytest.raises(UsageError, match="this pyarrow was built without S3"):
        store.check(Object("bucket", "", "http://nowhere"))
