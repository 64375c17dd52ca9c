from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import pwd
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg import cache
from edgeseg.cache import KEY, cache_folder, is_sealed, keep, make_folder, one_at_a_time, recall, seal
from edgeseg.errors import OutputError

ACCOUNT = Path(pwd.getpwuid(os.getuid()).pw_dir)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"EDGESEG_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, Path("/a")),
        ({"EDGESEG_CACHE": "a"}, Path.cwd() / "a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, Path("/b/edgeseg")),
        ({"EDGESEG_CACHE": "", "XDG_CACHE_HOME": "/b"}, Path("/b/edgeseg")),
        ({"XDG_CACHE_HOME": "b", "HOME": "/c"}, Path("/c/.cache/edgeseg")),
        ({"XDG_CACHE_HOME": "", "HOME": "/c"}, Path("/c/.cache/edgeseg")),
        ({"HOME": ""}, ACCOUNT / ".cache/edgeseg"),
        ({"HOME": "c"}, ACCOUNT / ".cache/edgeseg"),
        ({}, ACCOUNT / ".cache/edgeseg"),
    ],
)
def test_the_folder(variables: dict[str, str], expected: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EDGESEG_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == expected


def test_the_folder_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: int) -> None:
        raise KeyError

    for name in ("EDGESEG_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", missing)
    assert cache_folder() == Path(tempfile.gettempdir()) / f"edgeseg-{os.getuid()}"


def test_what_is_kept_comes_back_to_its_owner_alone(folder: Path) -> None:
    keep(folder / "model", b"content\n")
    assert recall(folder / "model") == b"content\n"
    assert recall(folder / "another") is None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / KEY).stat().st_mode) == 0o600
    assert {path.name for path in folder.iterdir()} == {KEY, "model"}


@given(data=st.data())
def test_no_byte_may_differ(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("cache") / "model"
    keep(file, b"content")
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    how: Callable[[], bytes] = data.draw(
        st.sampled_from([lambda: whole[:at], lambda: whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]])
    )
    file.write_bytes(how())
    assert recall(file) is None
    assert not file.exists()


def test_another_name_or_key_does_not_verify(folder: Path, tmp_path: Path) -> None:
    keep(folder / "model", b"content")
    keep(tmp_path / "other/model", b"content")
    (folder / "renamed").write_bytes((folder / "model").read_bytes())
    (tmp_path / "other/model").replace(folder / "model")
    assert recall(folder / "renamed") is None
    assert recall(folder / "model") is None


def test_others_lose_the_right_to_write(folder: Path) -> None:
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    make_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_somebody_elses_folder_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(folder / "model", b"content")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert recall(folder / "model") is None
    keep(folder / "model", b"content")
    output = capsys.readouterr().err
    assert f"belongs to user {os.getuid()}, and this is user 12345" in output
    assert "model is not kept" in output


@pytest.mark.parametrize("spoil", [lambda key: key.chmod(0o644), lambda key: key.write_bytes(b"short")])
def test_a_key_that_others_can_read_or_that_is_none(folder: Path, spoil: Callable[[Path], object]) -> None:
    keep(folder / "model", b"content")
    spoil(folder / KEY)
    assert recall(folder / "model") is None
    with pytest.raises(OutputError, match="is not a key that only you can read"):
        seal(folder / "model", b"content")


def test_a_link_is_no_key(folder: Path, tmp_path: Path) -> None:
    keep(tmp_path / "other/model", b"content")
    folder.mkdir()
    (folder / KEY).symlink_to(tmp_path / "other" / KEY)
    with pytest.raises(OutputError, match="cannot use"):
        seal(folder / "model", b"content")


def test_a_digest_that_is_no_text(folder: Path) -> None:
    assert is_sealed(folder / "model", b"content", seal(folder / "model", b"content"))
    assert not is_sealed(folder / "model", b"content", "\udcff" * 64)


def hold(path: Path, number: int) -> None:
    with one_at_a_time(), path.open("a") as log:
        log.write(f"in {number}\n")
        log.flush()
        time.sleep(0.02)
        log.write(f"out {number}\n")


def test_one_at_a_time(folder: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=hold, args=(tmp_path / "log", number)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lines = (tmp_path / "log").read_text().split("\n")[:-1]
    assert len(lines) == 8
    for entered, left in zip(lines[::2], lines[1::2], strict=True):
        assert entered.replace("in", "out") == left
    assert (folder / cache.LOCK).exists()


@pytest.mark.usefixtures("folder")
def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "PATIENCE", 0.1)
    with one_at_a_time(), one_at_a_time():
        pass


@pytest.mark.usefixtures("folder")
def test_without_locks_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(_handle: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    def sleep(_seconds: float) -> None:
        raise AssertionError("there is nothing to wait for")

    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr(time, "sleep", sleep)
    with one_at_a_time(), one_at_a_time():
        pass


def test_without_a_folder_nobody_waits(folder: Path) -> None:
    folder.write_text("a file")
    with one_at_a_time(), one_at_a_time():
        pass
