"""Playlists on disk: as edgeseg/video/playlist.py refuses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.errors import SourceError
from tests.cpp.video.cases import Case, write
from tests.cpp.video.readers import Video, compare, python, refusal


def test_a_playlist_on_disk_reaches_no_network(cpp: Callable[..., Video], tmp_path: Path) -> None:
    path = tmp_path / "a.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError, match="no video"):
        cpp(path)


MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n"
LIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n"
MEDIA = '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI="{}"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nb.ts\n'

REFUSED = {
    "live": LIST,
    "live, of another system": LIST.replace("\n", "\r\n"),
    "itself": MASTER.format("a.m3u8"),
    "itself, by its sound": MEDIA.format("a.m3u8"),
    "another master": MASTER.format("master.m3u8"),
    "a live one": MASTER.format("file:live.m3u8"),
    "a URL": MASTER.format("http://user:word@127.0.0.1:9/b.m3u8"),
    "a long URL": MASTER.format(f"http://127.0.0.1:9/{'b' * 100}.m3u8"),
    "too many": "#EXTM3U\n" + "".join(f"#EXT-X-STREAM-INF:BANDWIDTH=1\n{number}.m3u8\n" for number in range(65)),
    "nothing": "#EXTM3U\n",
    "an end that is indented": f"{LIST} #EXT-X-ENDLIST\n",
    "an end within a line": f"{LIST}x\f#EXT-X-ENDLIST\n",
    "an end behind another character that ends lines": f"{LIST}x\u2028#EXT-X-ENDLIST\n",
    "a tag of a master without its colon": f"{LIST}#EXT-X-STREAM-INF\nb.ts\n",
    "a master with segments of its own": LIST + MASTER.format("whole.m3u8")[8:],
    "itself, behind a zero": f"#EXTM3U\n#\0{MASTER.format('a.m3u8')[8:]}",
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_one_without_an_end_is_refused_as_in_python(cpp: Callable[..., Video], tmp_path: Path, content: str) -> None:
    """Before FFmpeg sees it, which would wait for ever, or open itself until no memory is left."""
    (tmp_path / "live.m3u8").write_text(LIST)
    (tmp_path / "master.m3u8").write_text(MASTER.format("b.m3u8"))
    (tmp_path / "whole.m3u8").write_text(f"{LIST}#EXT-X-ENDLIST\n")
    path = tmp_path / "a.m3u8"
    path.write_bytes(content.encode())
    reason = refusal(python, path)
    assert refusal(cpp, path) == reason != ""
    assert "word" not in reason


def test_one_with_an_end_is_played(cpp: Callable[..., Video], tmp_path: Path) -> None:
    write(tmp_path / "a.ts", Case("mpeg2video", ".ts", (64, 48)))
    (tmp_path / "list.m3u8").write_text(f"{LIST}#EXT-X-ENDLIST \t\r\n")
    (tmp_path / "a.m3u8").write_text(MASTER.format("list.m3u8"))
    compare(cpp(tmp_path / "a.m3u8"), python(tmp_path / "a.m3u8"))


@pytest.mark.parametrize(
    ("names", "count"), [("b b file:c d e f g", "6 files that are"), ("b", "1 file that is")], ids=["many", "one"]
)
def test_segments_that_are_not_there_are_said(
    cpp: Callable[..., Video], tmp_path: Path, names: str, count: str
) -> None:
    write(tmp_path / "a.ts", Case("mpeg2video", ".ts"))
    lost = "".join(f"#EXTINF:1,\n{name}.ts\n" for name in names.split())
    (tmp_path / "a.m3u8").write_text(f"{LIST}{lost}#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n")
    (tmp_path / "twice.m3u8").write_text(MASTER.format("a.m3u8") + MASTER.format("a.m3u8")[8:])
    ours, theirs = cpp(tmp_path / "twice.m3u8"), python(tmp_path / "twice.m3u8")
    assert f"names {count} not there" in theirs.warnings[0]
    assert len(theirs.warnings) == 1
    assert ours.warnings == theirs.warnings


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("tag", ['KEY:METHOD=AES-128,URI="a.key"', 'MAP:URI="a.key"'])
def test_what_the_segments_need(cpp: Callable[..., Video], tmp_path: Path, tag: str, there: bool) -> None:
    (tmp_path / "a.ts").write_bytes(bytes(188))
    (tmp_path / "a.m3u8").write_text(f"{LIST}#EXT-X-ENDLIST\n".replace("#EXTINF", f"#EXT-X-{tag}\n#EXTINF"))
    if there:
        (tmp_path / "a.key").write_bytes(b"x" * 16)
    reason = refusal(python, tmp_path / "a.m3u8")
    assert refusal(cpp, tmp_path / "a.m3u8") == reason != ""
    assert ("is not there" in reason) == (not there)
