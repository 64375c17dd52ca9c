from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeseg import atomic
from edgeseg.atomic import atomic_file, atomic_folder, restore_folder
from edgeseg.bundle import Bundle
from edgeseg.errors import OutputError, SourceError
from edgeseg.spec import Spec


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


@pytest.mark.parametrize("place", ["missing/out.mp4", "file/out.mp4", ".", "folder", "x" * 300, "pipe"])
def test_a_file_that_cannot_be_written(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    def write() -> None:
        with atomic_file(tmp_path / place) as temporary:
            temporary.write_bytes(b"x")

    with pytest.raises(OutputError, match="cannot write"):
        write()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "pipe"]


def test_a_file_keeps_the_permissions_that_the_user_asks_for(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "out") as temporary:
            temporary.write_bytes(b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640


def test_what_was_written_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of file, name and folder, as a power failure may come between any two."""
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def watched_sync(handle: int) -> None:
        steps.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().suffix or 'folder'}")
        sync(handle)

    def watched_replace(path: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    with atomic_file(tmp_path / "out.json") as temporary:
        temporary.write_bytes(b"x")
    assert steps == ["sync .json", "rename", "sync folder"]


def test_folder_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "bundle"
    for content in ("first", "second"):
        with atomic_folder(target) as temporary:
            (temporary / content).write_text(content)
    assert [path.name for path in target.iterdir()] == ["second"]
    assert list(target.parent.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("swap", [True, False])
def test_failure_leaves_the_old_folder(tmp_path: Path, swap: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not swap:
        monkeypatch.setattr(atomic, "exchange", lambda *_: False)
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


REPLACE_FOR_EVER = """
import sys
from pathlib import Path
from edgeseg import atomic
if sys.argv[2] == "renames":
    atomic.exchange = lambda *_: False  # a file system that cannot swap
for number in range(10**9):
    with atomic.atomic_folder(Path(sys.argv[1])) as folder:
        for part in "ab":
            (folder / part).write_text(f"{number}")
    if number == 3:
        print("started", flush=True)
"""


@pytest.mark.parametrize("way", ["swap", "renames"])
def test_a_kill_never_splits_the_replacement(tmp_path: Path, way: str) -> None:
    """Wherever a writer dies, a whole folder is there, and the next write sweeps what it left."""
    target = tmp_path / "bundle"
    for _ in range(6):
        command = [sys.executable, "-c", REPLACE_FOR_EVER, str(target), way]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"started\n"
            if way == "swap":
                for _ in range(200):
                    assert target.is_dir()
            process.send_signal(signal.SIGKILL)
        restore_folder(target)
        assert (target / "a").read_text() == (target / "b").read_text() != ""
    with atomic_folder(target) as folder:
        (folder / "a").write_text("last")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize("name", ["disk/mine.v1", "link"])
def test_a_bundle_is_found_whose_replacement_was_killed_between_two_renames(
    tmp_path: Path, make_bundle: Callable[[Path, Spec], Bundle], spec: Spec, name: str
) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk/mine.v1")
    make_bundle(tmp_path / "disk/mine.v1", spec)
    (tmp_path / "disk/mine.v1").rename(tmp_path / "disk/.mine.0123456789abcdef.old.v1")
    assert Bundle.open(tmp_path / name).spec == spec
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["mine.v1"]


def test_leftovers_of_the_dead_are_swept_and_those_of_the_living_stay(tmp_path: Path) -> None:
    dead = tmp_path / ".out.0123456789abcdef.tmp.json"
    other = tmp_path / ".other.0123456789abcdef.tmp.json"
    for path in (dead, other):
        path.write_text("half")
    with atomic_file(tmp_path / "out.json") as living:
        assert not dead.exists()
        assert other.exists()
        with atomic_file(tmp_path / "out.json") as second:
            assert living.exists()
            second.write_text("second")
        living.write_text("first")
    assert (tmp_path / "out.json").read_text() == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, "out.json"]


def test_a_link_laid_at_a_temporary_name_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names cannot be foreseen; and where one is hit all the same, it is not opened."""
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / ".out.00.tmp.json").symlink_to(victim)
    monkeypatch.setattr("secrets.token_hex", lambda _: "00")

    def write() -> Any:
        with atomic_file(tmp_path / "out.json") as temporary:
            temporary.write_text("new")

    with pytest.raises(OutputError, match="exists"):
        write()
    assert victim.read_text() == "kept"


@pytest.mark.parametrize("name", ["/dev/null", "/dev/stdout", "/dev/edgeseg.json", "/proc/self/root/dev/stderr"])
def test_nothing_in_dev_is_replaced(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where stdout is a file, as after `> out.json`."""
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    monkeypatch.setattr("edgeseg.atomic.Temporary", None)
    with pytest.raises(OutputError, match="it is a device or pipe; give the name of a file"), atomic_file(Path(name)):
        pass


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("target", ["disk/v1", "disk/new/v1"])
def test_a_link_to_a_folder_stays_and_is_followed(tmp_path: Path, target: str, replace: bool) -> None:
    (tmp_path / "disk/v1").mkdir(parents=True)
    (tmp_path / "current").symlink_to(target)
    with atomic_folder(tmp_path / "current", replace=replace) as temporary:
        assert temporary.parent == (tmp_path / target).parent
        (temporary / "new").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "disk"]
    assert (tmp_path / "current").readlink() == Path(target)
    assert [path.name for path in (tmp_path / target).iterdir()] == ["new"]
    assert [path.name for path in (tmp_path / target).parent.iterdir()] == ["v1"]


def test_a_link_to_itself_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputError, match="loop: a link to itself is there; choose"), atomic_folder(tmp_path / "loop"):
        pytest.fail("the folder was made")
    assert [path.name for path in tmp_path.iterdir()] == ["loop"]


def test_the_place_of_a_disk_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    monkeypatch.setattr(os.path, "ismount", lambda path: path == tmp_path / "disk")
    said = "disk: a disk is mounted there; choose a folder in it"
    with pytest.raises(OutputError, match=said), atomic_folder(tmp_path / "link"):
        pytest.fail("the folder was made")


def test_the_first_folder_of_a_name_keeps_it_if_that_is_asked_for(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "piece", replace=False) as slow:
        (slow / "frames").write_text("slow")
        with atomic_folder(tmp_path / "piece", replace=False) as quick:
            (quick / "frames").write_text("quick")
    assert [path.name for path in tmp_path.iterdir()] == ["piece"]
    assert (tmp_path / "piece/frames").read_text() == "quick"
