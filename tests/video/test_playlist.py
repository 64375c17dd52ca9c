"""Playlists on disk: what has an end is read, what has none is refused before FFmpeg sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from edgeseg.errors import SourceError
from edgeseg.video.open import open_source
from tests.video.http_server import Serve
from tests.video.http_server import folder as folder_of
from tests.video.sent_videos import write_hls

MakeVideo = Callable[..., Path]

SEGMENTS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.4,\na.ts\n#EXTINF:0.4,\na.ts\n"
END = "#EXT-X-ENDLIST\n"


def master(*names: str) -> str:
    return "#EXTM3U\n" + "".join(f"#EXT-X-STREAM-INF:BANDWIDTH=1\n{name}\n" for name in names)


@pytest.fixture
def folder(tmp_path: Path, make_video: MakeVideo) -> Path:
    make_video(tmp_path / "a.ts", count=10)
    for name, text in {
        "whole.m3u8": SEGMENTS + END,
        "live.m3u8": SEGMENTS,
        "master.m3u8": master("whole.m3u8"),
        "double.m3u8": master("whole.m3u8", "whole.m3u8"),
        "of-live.m3u8": master("whole.m3u8", "./live.m3u8"),
        "self.m3u8": master("self.m3u8"),
        "circle.m3u8": master("file:of-circle.m3u8"),
        "of-circle.m3u8": master("circle.m3u8"),
        "sound.m3u8": f'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI="sound.m3u8"\n{SEGMENTS}{END}',
        "data.m3u8": master("data:text/plain;base64,I0VYVE0zVQo="),
        "many.m3u8": master(*["whole.m3u8"] * 65),
        "indented.m3u8": f"{SEGMENTS} {END}",
        "within.m3u8": f"{SEGMENTS}x\f{END}",
        "separated.m3u8": f"{SEGMENTS}x\u2028{END}",
        "no-colon.m3u8": f"{SEGMENTS}#EXT-X-STREAM-INF\n",
        "mixed.m3u8": SEGMENTS + master("whole.m3u8").removeprefix("#EXTM3U\n"),
        "behind-zero.m3u8": "#EXTM3U\n#\0" + master("behind-zero.m3u8").removeprefix("#EXTM3U\n"),
        "blanks.m3u8": f"{SEGMENTS}#EXT-X-ENDLIST \t\r",
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", ["whole.m3u8", "master.m3u8", "blanks.m3u8"])
def test_a_recording_in_segments_is_read(name: str, folder: Path) -> None:
    with open_source(folder / name) as source:
        assert len(list(source)) == 20


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("live.m3u8", r"is a live playlist, which has no end"),
        ("of-live.m3u8", r"live\.m3u8 is a live playlist"),
        ("self.m3u8", "names 'self.m3u8', which names playlists itself"),
        ("circle.m3u8", "names 'file:of-circle.m3u8', which names playlists itself"),
        ("sound.m3u8", "names 'sound.m3u8', which names playlists itself"),
        ("data.m3u8", "which is no file; give the URL"),
        ("many.m3u8", "names 65 playlists, expected at most 64"),
        ("indented.m3u8", "is a live playlist"),
        ("within.m3u8", "is a live playlist"),
        ("separated.m3u8", "is a live playlist"),
        ("no-colon.m3u8", "is a live playlist"),
        ("mixed.m3u8", "is a live playlist"),
        ("behind-zero.m3u8", "names 'behind-zero.m3u8', which names playlists itself"),
    ],
)
def test_a_playlist_without_an_end_is_refused(name: str, message: str, folder: Path) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(folder / name)


@pytest.mark.parametrize("name", ["whole.m3u8", "master.m3u8", "double.m3u8"])
def test_segments_that_are_not_there_are_said(folder: Path, name: str) -> None:
    """FFmpeg passes over them, and nothing else would tell that their frames are missing."""
    lost = "".join(f"#EXTINF:0.4,\nlost-{number}.ts\n" for number in range(7))
    (folder / "whole.m3u8").write_text(SEGMENTS + lost + SEGMENTS.split("\n", 2)[2] + END)
    with open_source(folder / name) as source:
        assert len(list(source)) >= 20
    listed = ", ".join(f"lost-{number}.ts" for number in range(5))
    sentence = f"{folder}/whole.m3u8 names 7 files that are not there, whose frames are missing: {listed} and 2 more"
    assert source.warnings == [sentence]


@pytest.mark.parametrize("tag", ['KEY:METHOD=AES-128,URI="a.key"', 'MAP:URI="file:a.key"', 'MAP:URI="a.key"'])
def test_what_the_segments_need_and_is_not_there_is_said(folder: Path, tag: str) -> None:
    (folder / "whole.m3u8").write_text(f"#EXTM3U\n#EXT-X-{tag}\n{SEGMENTS}{END}")
    for name in ("whole.m3u8", "master.m3u8"):
        with pytest.raises(SourceError, match=r"whole.m3u8 names 1 file that is not there, .*: (file:)?a.key$"):
            open_source(folder / name)


def test_a_key_that_ffmpeg_does_not_take_is_said(tmp_path: Path) -> None:
    """It opens files of a playlist by the names of videos alone, unless it is told otherwise."""
    write_hls(tmp_path, encrypted=True)
    with pytest.raises(SourceError, match=r"list.m3u8 is encrypted .* --source-option allowed_extensions=ALL"):
        open_source(tmp_path / "list.m3u8")
    with open_source(tmp_path / "list.m3u8", options={"allowed_extensions": "ALL"}) as source:
        assert len(list(source)) == 150


def test_dash_is_said(tmp_path: Path, serve: Serve) -> None:
    """PyAV's FFmpeg writes it and does not read it."""
    with pytest.raises(ValueError, match="dash"):
        av.ContainerFormat("dash", "r")
    (tmp_path / "a.mpd").write_text('<?xml version="1.0"?>\n<MPD type="static"></MPD>\n')
    for source in (str(tmp_path / "a.mpd"), serve(folder_of(tmp_path)) + "/a.mpd?x=1"):
        with pytest.raises(SourceError, match="DASH is left out of PyAV's FFmpeg: give the stream as HLS"):
            open_source(source)
