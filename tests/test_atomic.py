from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.atomic import atomic_file, atomic_folder
from edgeseg.errors import OutputError, SourceError


def test_file_appears_when_the_block_succeeds(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with atomic_file(target) as temporary:
        assert temporary.suffix == ".mp4"
        temporary.write_bytes(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    target.write_text("old")

    def fail() -> None:
        with atomic_file(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("write", [atomic_file, atomic_folder])
def test_an_error_of_ours_is_not_renamed(tmp_path: Path, write: type) -> None:
    def fail() -> None:
        with write(tmp_path / "out"):
            raise SourceError("the camera went away")

    with pytest.raises(SourceError, match="camera"):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["missing/out.mp4", "file/out.mp4", ".", "folder", "x" * 300])
def test_a_file_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()

    def write() -> None:
        with atomic_file(tmp_path / place) as temporary:
            temporary.write_bytes(b"x")

    with pytest.raises(OutputError, match="cannot write"):
        write()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_folder_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "bundle"
    for content in ("first", "second"):
        with atomic_folder(target) as temporary:
            (temporary / content).write_text(content)
    assert [path.name for path in target.iterdir()] == ["second"]
    assert list(target.parent.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o755


def test_failure_leaves_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "old").write_text("old")

    def fail() -> None:
        with atomic_folder(target) as temporary:
            (temporary / "half").write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert [path.name for path in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("place", ["file", "file/bundle", "x" * 300])
def test_a_folder_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("kept")

    def write() -> None:
        with atomic_folder(tmp_path / place):
            pass

    with pytest.raises(OutputError, match="cannot write"):
        write()
    assert (tmp_path / "file").read_text() == "kept"
