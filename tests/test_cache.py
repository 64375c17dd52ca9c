from __future__ import annotations

import errno
import fcntl
import hmac
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
from edgeseg.temporary import lock

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


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(folder: Path) -> None:
    make_folder(folder)
    os.mkfifo(folder / "name")
    assert recall(folder / "name") is None


def test_another_name_or_key_does_not_verify(folder: Path, tmp_path: Path) -> None:
    keep(folder / "model", b"content")
    keep(tmp_path / "other/model", b"content")
    (folder / "renamed").write_bytes((folder / "model").read_bytes())
    (tmp_path / "other/model").replace(folder / "model")
    assert recall(folder / "renamed") is None
    assert recall(folder / "model") is None


@pytest.mark.parametrize(
    ("before", "after"),
    [(0o777, 0o755), (0o770, 0o750), (0o702, 0o700), (0o1777, 0o1755), (0o755, 0o755), (0o700, 0o700)],
)
def test_others_lose_the_right_to_write(folder: Path, before: int, after: int) -> None:
    folder.mkdir()
    folder.chmod(before)
    make_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == after


def test_a_folder_that_is_closed_to_others_is_not_touched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(mode=0o755)
    monkeypatch.setattr(Path, "chmod", None)
    make_folder(folder)


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    make_folder(tmp_path / "a/b/c")
    make_folder(tmp_path / "a/b/c")
    assert stat.S_IMODE((tmp_path / "a/b/c").stat().st_mode) == 0o700
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        with pytest.raises(OutputError, match=r"cannot write [^\[]*: (File exists|Not a directory); choose another"):
            make_folder(tmp_path / place)


def test_what_cannot_be_kept_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write_text("a file")
    keep(folder / "model\x1b[31m", b"content")
    said = capsys.readouterr().err
    assert said.startswith("edgeseg: model")
    assert "is not kept, and will be made again next time: cannot write" in said
    assert "\x1b" not in said
    assert recall(folder / "model") is None
    assert not is_sealed(folder / "model", b"content", "0" * 64)
    assert "model is not used: cannot use" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n", b"0" * 65, bytes(1000)])
def test_any_content_comes_back(folder: Path, content: bytes) -> None:
    keep(folder / "model", content)
    assert recall(folder / "model") == content
    keep(folder / "model", content + b"new")
    assert recall(folder / "model") == content + b"new"


def test_a_file_begins_with_its_digest(folder: Path) -> None:
    keep(folder / "model", b"content")
    whole = (folder / "model").read_bytes()
    digest = hmac.new((folder / KEY).read_bytes(), b"model\0content", "sha256").hexdigest()
    assert whole == digest.encode() + b"\ncontent"
    assert digest == seal(folder / "model", b"content")
    assert len((folder / KEY).read_bytes()) == 32
    for between in (b"", b" ", b"\r\n"):
        (folder / "model").write_bytes(digest.encode() + between + b"content")
        assert recall(folder / "model") is None
        assert not (folder / "model").exists()


def test_a_name_and_content_cannot_be_divided_otherwise(folder: Path) -> None:
    assert seal(folder / "ab", b"c") != seal(folder / "a", b"bc")


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


def put_pipe(key: Path) -> None:
    key.unlink()
    os.mkfifo(key, 0o600)


@pytest.mark.parametrize(
    "spoil",
    [
        *(lambda key, mode=mode: key.chmod(mode) for mode in (0o640, 0o620, 0o610, 0o604, 0o602, 0o601)),
        *(lambda key, length=length: key.write_bytes(bytes(length)) for length in (0, 31, 33)),
        put_pipe,
    ],
)
def test_a_key_that_others_can_read_or_that_is_none(folder: Path, spoil: Callable[[Path], object]) -> None:
    keep(folder / "model", b"content")
    spoil(folder / KEY)
    assert recall(folder / "model") is None
    with pytest.raises(OutputError, match="is not a key that only you can read"):
        seal(folder / "model", b"content")


def test_a_key_is_made_once(folder: Path) -> None:
    first = seal(folder / "model", b"content")
    key = (folder / KEY).read_bytes()
    cache._make_key(folder / KEY)  # another process that saw none
    assert (folder / KEY).read_bytes() == key
    assert seal(folder / "model", b"content") == first
    assert [path.name for path in folder.iterdir()] == [KEY]


def test_a_folder_without_a_key_verifies_nothing(folder: Path) -> None:
    keep(folder / "model", b"content")
    digest = seal(folder / "model", b"content")
    (folder / KEY).unlink()
    assert not is_sealed(folder / "model", b"content", digest)
    assert not (folder / KEY).exists()


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
    start = time.monotonic()
    with one_at_a_time(), one_at_a_time():
        assert time.monotonic() - start >= 0.1  # and a beginning


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


def test_who_waits_is_next(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock goes with the block, also where that fails."""
    monkeypatch.setattr(cache, "PATIENCE", 1e9)
    with pytest.raises(KeyError), one_at_a_time():
        raise KeyError
    with one_at_a_time():
        handle = os.open(folder / cache.LOCK, os.O_RDWR)
        assert lock(handle) is False
    assert lock(handle)
    os.close(handle)
    assert stat.S_IMODE((folder / cache.LOCK).stat().st_mode) == 0o600


def test_a_lock_that_is_a_link_locks_nothing(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (folder / cache.LOCK).symlink_to(tmp_path / "elsewhere")
    with one_at_a_time(), one_at_a_time():
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_without_a_folder_nobody_waits(folder: Path) -> None:
    folder.write_text("a file")
    with one_at_a_time(), one_at_a_time():
        pass
