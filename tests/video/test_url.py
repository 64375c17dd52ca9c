"""URLs of files on this machine are paths, whatever is asked of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.commands.run import run_command
from edgeseg.errors import SourceError, UsageError
from edgeseg.video.open import is_live, open_source
from edgeseg.video.url import is_url, local_path

MakeVideo = Callable[..., Path]


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("file:///a/b.mp4", "/a/b.mp4"),
        ("file:/a/b.mp4", "/a/b.mp4"),
        ("file:////a/b.mp4", "/a/b.mp4"),
        ("file://localhost/a/b.mp4", "/a/b.mp4"),
        ("FILE://LocalHost/a/b.mp4", "/a/b.mp4"),
        ("file:///My%20Clip%25.mp4", "/My Clip%.mp4"),
        ("file:///50%.mp4", "/50%.mp4"),
        ("file:///a?b#c.mp4", "/a?b#c.mp4"),
        ("file:///%c3%bc%FF.mp4", "/\xfc\udcff.mp4"),
        ("file:///a%20b/img%04d.png", "/a b/img%04d.png"),
        ("file:///img%d.png", "/img%d.png"),
        ("file:///%da%20d.mp4", "/\udcda d.mp4"),
        ("file:///a.mp4%00b", "file:///a.mp4%00b"),
        ("file://host/a.mp4", "file://host/a.mp4"),
        ("file:a.mp4", "file:a.mp4"),
        ("files:///a.mp4", "files:///a.mp4"),
        ("http://localhost/a%20b", "http://localhost/a%20b"),
        ("/a%20b.mp4", "/a%20b.mp4"),
    ],
)
def test_the_path_in_a_url(source: str, path: str) -> None:
    assert local_path(source) == path
    assert local_path(path) == path


def test_a_file_of_the_very_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file:").mkdir()
    (tmp_path / "file:/a").touch()
    assert local_path("file:/a") == "file:/a"


def test_a_url_of_a_file_is_no_stream(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "50% done.mp4", count=5)
    url = f"file://{tmp_path}/50%25%20done.mp4"
    assert not is_live(url)
    with open_source(url) as source:
        assert source.name == str(path)
        assert len(list(source)) == 5
    (tmp_path / "live.m3u8").write_text("#EXTM3U\n#EXTINF:1,\na.ts\n")
    with pytest.raises(SourceError, match="is a live playlist"):
        open_source(f"file://{tmp_path}/live.m3u8")


def test_a_file_on_another_machine_is_none_here(tmp_path: Path, make_video: MakeVideo) -> None:
    """FFmpeg would read the host's name as that of a folder."""
    url = f"file:/{make_video(tmp_path / 'a.mp4')}"
    assert not is_url(url)
    with pytest.raises(SourceError, match="names a host"):
        open_source(url)


@pytest.mark.parametrize("before", ["file://", "file:", "FILE://localhost"])
def test_no_output_replaces_the_file_of_a_url(tmp_path: Path, make_video: MakeVideo, before: str) -> None:
    path = make_video(tmp_path / "a b.mp4", count=5)
    content = path.read_bytes()
    with pytest.raises(UsageError, match="is the source itself"):
        run_command(f"{before}{tmp_path}/a%20b.mp4", out=path, overwrite=True)
    assert path.read_bytes() == content


@pytest.mark.parametrize("url", ["file://host/a.mp4", "FILE://a.mp4"])
def test_a_host_in_a_file_url_is_said(url: str) -> None:
    with pytest.raises(SourceError, match=f"{url} names a host.*file:///PATH"):
        open_source(url)
