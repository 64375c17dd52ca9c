"""Files, folders and lists of videos; what is wrong with them is said before the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.archive.videos import Video, find_videos
from edgeseg.errors import SourceError, UsageError


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder with videos in folders, and other files."""
    for name in ("b.mp4", "a.MKV", "day/c.mov", "day/note.pdf", ".hidden.mp4", ".trash/d.mp4", "x.mp4.part"):
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"1234")
    return tmp_path / "in"


def names(found: tuple[list[Video], int]) -> list[str]:
    return [video.name for video in found[0]]


def test_folders(archive: Path, tmp_path: Path) -> None:
    found = find_videos([archive], tmp_path / "out")
    assert names(found) == ["a.MKV", "b.mp4", "day/c.mov"]
    assert found[1] == 2
    assert found[0][2] == Video("day/c.mov", archive / "day/c.mov", 4)


def test_links_to_folders_are_followed_but_not_in_a_circle(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk/e.mp4").write_bytes(b"1234")
    (archive / "more").symlink_to(tmp_path / "disk")
    (archive / "day/up").symlink_to(archive)
    assert names(find_videos([archive], tmp_path / "out")) == ["a.MKV", "b.mp4", "day/c.mov", "more/e.mp4"]


def test_results_inside_the_folder_are_no_videos(archive: Path) -> None:
    out = archive / "out"
    (out / "b.mp4").mkdir(parents=True)
    (out / "b.mp4/masks.mov").write_bytes(b"1")
    assert names(find_videos([archive], out)) == ["a.MKV", "b.mp4", "day/c.mov"]


def test_results_of_earlier_runs_are_no_videos(archive: Path) -> None:
    earlier = archive / "first/day/c.mov"
    earlier.mkdir(parents=True)
    for name in ("masks.mov", "frames.parquet", "overlay.mkv"):
        (earlier / name).write_bytes(b"1")
    (archive / "day/masks.mov").write_bytes(b"1")  # a video that is called so
    found = find_videos([archive], archive / "second")
    assert names(found) == ["a.MKV", "b.mp4", "day/c.mov", "day/masks.mov"]
    assert found[1] == 2


def test_files_of_any_name(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(archive)
    videos, _ = find_videos([Path("b.mp4"), Path("x.mp4.part")], tmp_path / "out")
    assert [video.name for video in videos] == ["b.mp4", "x.mp4.part"]
    assert all(isinstance(video.path, Path) and video.path.is_absolute() for video in videos)


def test_lists(archive: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.mp4"
    outside.write_bytes(b"1")
    manifest = archive / "all.txt"
    manifest.write_text(f"# of today\nday/c.mov\n\n{archive}/b.mp4\n{outside}\n../outside.mp4\n")
    with pytest.raises(UsageError, match=r"outside\.mp4 is given twice; give it once"):
        find_videos([manifest], tmp_path / "out")
    manifest.write_text(f"# of today\nday/c.mov\n\n{archive}/b.mp4\n{outside}\n")
    assert names(find_videos([manifest], tmp_path / "out")) == ["day/c.mov", "b.mp4", "outside.mp4"]


@pytest.mark.parametrize("shown", ["{archive}/all.txt", "all.txt", "../in/all.txt", "day/../all.txt"])
def test_names_do_not_depend_on_how_the_list_is_called(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    monkeypatch.chdir(archive)
    (tmp_path / "outside.mp4").write_bytes(b"1")
    Path("all.txt").write_text(f"{archive}/day/c.mov\na.MKV\nday/../b.mp4\n{tmp_path}/outside.mp4\n", "utf-8-sig")
    videos, _ = find_videos([Path(shown.format(archive=archive))], tmp_path / "out")
    assert [video.name for video in videos] == ["day/c.mov", "a.MKV", "b.mp4", "outside.mp4"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a.mp4\nb.mp4\nc.mp4\nd.mp4\nday/c.mov\n", r"names 2 of 5 files that are not there: .*a\.mp4, .*c\.mp4;"),
        (b"# nothing\n\n", "names no video"),
        (b"\xff\xfe", "is no UTF-8 text"),
        (b"day\n", "names 1 of 1 files that are not there"),
    ],
)
def test_bad_lists(archive: Path, tmp_path: Path, content: bytes, said: str) -> None:
    manifest = archive / "all.txt"
    manifest.write_bytes(content)
    (archive / "d.mp4").write_bytes(b"1")
    with pytest.raises(SourceError, match=said):
        find_videos([manifest], tmp_path / "out")


def test_nothing_to_do(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(SourceError, match="holds no video"):
        find_videos([tmp_path / "in"], tmp_path / "out")
    with pytest.raises(SourceError, match="no video to segment"):
        find_videos([], tmp_path / "out")
    with pytest.raises(SourceError, match="does not exist"):
        find_videos([tmp_path / "gone"], tmp_path / "out")
    with pytest.raises(SourceError, match=r"cannot read .*gone\.txt"):
        find_videos([tmp_path / "gone.txt"], tmp_path / "out")


def test_names_that_clash(archive: Path, tmp_path: Path) -> None:
    (archive / "day/b.mp4").write_bytes(b"1")
    with pytest.raises(UsageError, match=r"would both be b\.mp4"):
        find_videos([archive / "b.mp4", archive / "day/b.mp4"], tmp_path / "out")
    with pytest.raises(UsageError, match="would take the place of the videos"):
        find_videos([archive / "b.mp4"], archive)
    (tmp_path / "more/b.mp4").mkdir(parents=True)
    (tmp_path / "more/b.mp4/c.mp4").write_bytes(b"1")
    with pytest.raises(UsageError, match="where that name is used"):
        find_videos([archive / "b.mp4", tmp_path / "more"], tmp_path / "out")
    (archive / ".batch").write_bytes(b"1")
    with pytest.raises(UsageError, match="where that name is used"):
        find_videos([archive / ".batch"], tmp_path / "out")
