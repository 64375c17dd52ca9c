"""Paths and URLs: what they name, and what is refused without a word of what may be secret."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from edgeseg.archive.address import Object, is_clean, locate
from edgeseg.errors import UsageError


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("text", ["in", "/in/a.mp4", "s3:/bucket", "a:b.mp4", "C:\\in"])
def test_paths(text: str) -> None:
    assert locate(text) == locate(Path(text)) == Path(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://bucket", Object("bucket", "")),
        ("s3://bucket/", Object("bucket", "")),
        ("s3://my.bucket-1/day 1/cam#2%20.mp4", Object("my.bucket-1", "day 1/cam#2%20.mp4")),
        ("s3://bucket/me@here/10\u202fAM\u3000\u200c.mp4", Object("bucket", "me@here/10\u202fAM\u3000\u200c.mp4")),
        ("s3://bucket/12:00@gate.mp4", Object("bucket", "12:00@gate.mp4")),
        ("s3://bucket/in/?region=eu-west-1", Object("bucket", "in", None, "eu-west-1")),
        ("s3://bucket/in?endpoint_override=here:9000", Object("bucket", "in", "https://here:9000")),
        ("s3://bucket/in?endpoint_override=here:9000&scheme=http", Object("bucket", "in", "http://here:9000")),
        ("s3://bucket/in?endpoint_override=http%3A%2F%2Fhere%3A9000", Object("bucket", "in", "http://here:9000")),
    ],
)
def test_urls(text: str, expected: Object) -> None:
    found = locate(text)
    assert isinstance(found, Object)
    assert (found, found.region) == (expected, expected.region)
    assert pickle.loads(pickle.dumps(found)) == expected  # to workers
    assert "9000" not in str(found)


def test_the_environment_says_which_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:9000/")
    assert locate("s3://bucket/in") == Object("bucket", "in", "http://localhost:9000")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://minio")
    assert locate("s3://bucket/in") == Object("bucket", "in", "https://minio")
    assert locate("s3://bucket/in?endpoint_override=other") == Object("bucket", "in", "https://other")


def test_objects_are_put_together_as_paths_are() -> None:
    root = Object("bucket", "", "http://here")
    video = root / "day 1" / "cam.front.mp4"
    assert (str(video), video.name, video.suffix) == ("s3://bucket/day 1/cam.front.mp4", "cam.front.mp4", ".mp4")
    assert video.parent.parent == root
    assert str(root) == "s3://bucket"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s3a://bucket/in", r"begins with s3a://, expected a path or s3://BUCKET/KEY"),
        ("gs://bucket/in", r"begins with gs://, expected"),
        ("file:///in", r"begins with file://, expected"),
        ("https://user:hunter2@host/in?X=hunter2", "begins with https://, expected"),
        ("s3://AKIA:hunter2@bucket/in", "leave them to the environment"),
        ("s3://AKIA:hun/ter2@bucket/in", "leave them to the environment"),
        ("s3:///in", "names no bucket"),
        ("s3://bucket:9000/in", "names no bucket"),
        ("s3://bucket/in//a.mp4", "between single slashes"),
        ("s3://bucket/../a.mp4", "between single slashes"),
        ("s3://bucket//a.mp4", "between single slashes"),
        ("s3://bucket/a\n.mp4", "or with a control character, expected parts between single slashes"),
        ("s3://bucket/a\udcff.mp4", "or with a control character, expected parts between single slashes"),
        ("s3://bucket/in?endpoint_override=http://me:hunter2@here", "http://HOST:PORT, without credentials"),
        ("s3://bucket/in?secret_key=hunter2", "expected endpoint_override, region, scheme"),
        ("s3://bucket/in?hunter2", "expected endpoint_override, region, scheme"),
        ("s3://bucket/in?endpoint_override=ftp://here", "the endpoint is ftp://here, expected HOST:PORT"),
        ("s3://bucket/in?endpoint_override=http://here/s3", "the endpoint is http://here/s3, expected HOST:PORT"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        locate(text)
    assert "hunter2" not in str(caught.value)
    assert "ter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["/etc/a.mp4", "../a.mp4", "in/../../a.mp4", "in/./a.mp4", "in//a.mp4", "a\r.mp4", "a\x9b", ""]
)
def test_keys_that_lead_elsewhere(key: str) -> None:
    assert not is_clean(key)
    assert is_clean(f"in/..{key.strip('./').replace('/', '_')}a b%2F".replace("\r", "").replace("\x9b", ""))


def test_an_endpoint_with_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://user:hunter2@here")
    with pytest.raises(UsageError, match=r"the endpoint is http://\*\*\*@here, expected HOST:PORT"):
        locate("s3://bucket/in")
