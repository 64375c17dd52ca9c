"""What a device fetches, and what an attacker on the way, or at the server, cannot make it take.

The attacks are those that TUF names: expired metadata (freeze), rollback, mix and match, endless data, altered and cut
files. After each of them the bundle that was there is there still, whole, and a good repository is taken again.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeseg.bundle import Bundle
from edgeseg.errors import BundleError, OutputError, UpdateError, UsageError
from edgeseg.measured import Latency
from edgeseg.sign import sign

pytest.importorskip("tuf", reason="updates need edgeseg[update]")

from edgeseg.update.fetch import fetch
from edgeseg.update.publish import publish

MakeKey = Callable[[str], Any]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Device:
    """A device with the first version, and a repository that has the second.

    Attributes:
        folder: of the bundle on the device.
        first: the repository as it was when it had the first version.
        new: the bundle as the repository has it now.
    """

    def __init__(self, server: Any, bundle: Bundle, make_key: MakeKey, place: Path) -> None:
        self.server, self.folder, self.first = server, place / "tiny", place / "first"
        self.repository: Path = server.folder
        self.root = self.repository / "metadata/1.root.json"
        self.key = make_key("daily")
        publish(bundle, self.repository, self.key, root_keys=[make_key("root")])
        assert self.fetch()
        self.old = files(self.folder)
        assert self.old == files(bundle.folder)
        shutil.copytree(self.repository, self.first)
        self.bundle = bundle.record(bundle.artifacts[0], Latency(68.5, 60.0, 3, 1, "onnxruntime", "x86_64"))
        publish(self.bundle, self.repository, self.key)
        self.new = files(bundle.folder)
        server.paths.clear()

    def fetch(self, **options: Any) -> bool:
        return fetch(self.server.url, self.folder, root=self.root, timeout=5, **options)

    def refuses(self, reason: str) -> None:
        """The bundle stays as it is, with nothing beside it."""
        before = files(self.folder)
        names = sorted(path.name for path in self.folder.parent.iterdir())
        with pytest.raises(UpdateError, match=reason) as raised:
            self.fetch()
        assert "\n" not in str(raised.value)
        assert files(self.folder) == before
        assert sorted(path.name for path in self.folder.parent.iterdir()) == names
        Bundle.open(self.folder).verify()

    def takes_the_new(self) -> None:
        self.server.folder, self.server.faults, self.server.fatal = self.repository, {}, None
        self.fetch()
        assert files(self.folder) == self.new


@pytest.fixture
def device(server: Any, bundle: Bundle, make_key: MakeKey, tmp_path: Path) -> Device:
    (tmp_path / "device").mkdir()
    return Device(server, bundle, make_key, tmp_path / "device")


def test_the_newest_is_fetched_once(device: Device) -> None:
    assert device.fetch()
    assert files(device.folder) == device.new
    names = [path.rpartition("/")[2].partition(".")[2] for path in device.server.paths if path.startswith("/targets")]
    assert names == ["bundle.json"]  # what had not changed was there already
    device.server.paths.clear()
    assert not device.fetch()
    assert not any(path.startswith("/targets") for path in device.server.paths)


def test_a_signature_that_comes_later_is_fetched(device: Device, make_key: MakeKey) -> None:
    device.takes_the_new()
    sign(device.bundle, make_key("acme"))
    publish(device.bundle, device.repository, device.key)
    with pytest.raises(BundleError, match="not trusted here"):
        device.fetch(require_signature=True)
    assert device.fetch()
    assert "signature.json" in files(device.folder)
    (device.bundle.folder / "signature.json").unlink()
    publish(device.bundle, device.repository, device.key)
    assert device.fetch()
    assert files(device.folder) == device.new


def test_expired(device: Device) -> None:
    publish(device.bundle, device.repository, device.key, days=-1)
    device.refuses("is out of date")
    publish(device.bundle, device.repository, device.key)
    device.takes_the_new()


def test_rolled_back(device: Device) -> None:
    device.takes_the_new()
    device.server.folder = device.first
    device.refuses("cannot be trusted")
    device.takes_the_new()


@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_mixed_metadata(device: Device, role: str) -> None:
    """A new timestamp with an old snapshot or old targets, under the new one's name."""
    path = device.repository / f"metadata/2.{role}.json"
    good = path.read_bytes()
    shutil.copy(device.first / f"metadata/1.{role}.json", path)
    device.refuses("cannot be trusted|cannot fetch")
    path.write_bytes(good)
    device.takes_the_new()


def test_mixed_files(device: Device) -> None:
    """The old bundle.json under the new one's name."""
    (old,) = (device.first / "targets/tiny").glob("*.bundle.json")
    (new,) = (path for path in (device.repository / "targets/tiny").glob("*.bundle.json") if path.name != old.name)
    good = new.read_bytes()
    shutil.copy(old, new)
    device.refuses("cannot be trusted|cannot fetch")
    new.write_bytes(good)
    device.takes_the_new()


def test_altered_and_truncated_files(device: Device) -> None:
    paths = [device.repository / "metadata" / name for name in ("timestamp.json", "2.snapshot.json", "2.targets.json")]
    paths += (device.repository / "targets/tiny").glob("*.json")
    shutil.rmtree(device.folder)
    shutil.copytree(device.bundle.folder, device.folder)  # all but bundle.json is there
    (device.folder / "bundle.json").write_bytes(device.old["bundle.json"])
    wanted = [path for path in paths if path.read_bytes() != device.old["bundle.json"]]
    for path in wanted:
        good = path.read_bytes()
        for bad in (good[: len(good) // 2], b"", good.replace(b"1", b"2", 1), good[:-9] + bytes(9)):
            path.write_bytes(bad)
            device.refuses("cannot be trusted|cannot fetch")
        path.write_bytes(good)
    device.takes_the_new()


def test_metadata_without_a_good_signature(device: Device) -> None:
    path = device.repository / "metadata/timestamp.json"
    data = json.loads(path.read_text())
    data["signed"]["version"] += 1
    path.write_text(json.dumps(data))
    device.refuses("cannot be trusted")


@pytest.mark.parametrize("end", ["timestamp.json", "snapshot.json", "targets.json", "bundle.json"])
def test_endless_data(device: Device, end: str) -> None:
    device.server.faults = {end: "endless"}
    device.refuses("cannot fetch from")
    device.takes_the_new()


def test_a_download_that_is_cut_at_any_step(device: Device, tmp_path: Path) -> None:
    """With nothing remembered and nothing there, so that every file is asked for."""
    shutil.rmtree(tmp_path / "state")
    shutil.rmtree(device.folder)
    device.fetch()
    steps = len(device.server.paths)
    assert steps >= 7  # a root that is not there, timestamp, snapshot, targets, three files
    cut = 0
    for step in range(steps):
        shutil.rmtree(tmp_path / "state")
        shutil.rmtree(device.folder)
        device.folder.mkdir()
        for name, content in device.old.items():
            (device.folder / name).write_bytes(content)
        (device.folder / "tiny.fp32.onnx").write_bytes(b"damaged, and so fetched anew")
        device.server.paths.clear()
        device.server.fatal = step
        before = files(device.folder)
        try:
            device.fetch()
        except UpdateError:
            cut += 1
            assert files(device.folder) == before
            assert [path.name for path in device.folder.parent.glob(".*")] == []
        device.takes_the_new()
    assert cut >= steps - 2  # root.json's end is a file that is not there, and the card is there already


def test_no_server_and_no_such_bundle(device: Device, tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="has no bundle other, it has tiny; give one of these by --name"):
        device.fetch(name="other")
    with pytest.raises(UpdateError, match="cannot fetch from"):
        fetch("http://127.0.0.1:1", device.folder, root=device.root, timeout=5)
    for url in ("ftp://127.0.0.1", "nowhere", "http://", "http://[", "http://127.0.0.1/?a=b"):
        with pytest.raises(UsageError, match="no address of a repository"):
            fetch(url, device.folder, root=device.root)
    with pytest.raises(UsageError, match=r"give the repository's root\.json"):
        fetch(device.server.url, device.folder, root=tmp_path / "none")
    for content, reason in ((b"", "is no metadata of TUF"), (b"[1]", "is no metadata of TUF")):
        (tmp_path / "root.json").write_bytes(content)
        with pytest.raises(UsageError, match=reason):
            fetch(device.server.url, device.folder, root=tmp_path / "root.json")
    with pytest.raises(UsageError, match="metadata of the role timestamp, expected the repository's root"):
        fetch(device.server.url, device.folder, root=device.repository / "metadata/timestamp.json")
    with pytest.raises(UsageError, match="no name of a bundle"):
        device.fetch(name="../x")


def test_a_server_that_leads_in_a_circle(device: Device) -> None:
    device.server.faults = {"timestamp.json": "loop"}
    device.refuses("cannot fetch from .*: too many redirects; what was here before stays")
    device.takes_the_new()


def test_what_cannot_be_remembered_is_not_fetched(device: Device, tmp_path: Path) -> None:
    """As on a full disk."""
    (remembered,) = tmp_path.glob("state/update/*/targets.json")
    remembered.unlink()
    remembered.mkdir()
    with pytest.raises(OutputError, match=f"cannot write {remembered.parent}: Is a directory; make room there"):
        device.fetch()
    assert files(device.folder) == device.old
    remembered.rmdir()
    device.takes_the_new()


def test_two_do_not_fetch_at_once(device: Device, tmp_path: Path) -> None:
    (state,) = tmp_path.glob("state/update/*")
    handle = os.open(state, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        device.refuses("another edgeseg fetch from this repository is under way; wait for its end")
    finally:
        os.close(handle)
    device.takes_the_new()


def test_a_file_system_without_locks(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_handle: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    device.takes_the_new()


def test_another_repository_is_not_trusted(device: Device, make_key: MakeKey, tmp_path: Path) -> None:
    publish(device.bundle, tmp_path / "foreign", make_key("foreign"), root_keys=[make_key("foreign root")])
    device.server.folder = tmp_path / "foreign"
    device.refuses("cannot be trusted")
    device.takes_the_new()


def test_a_link_leads_to_the_folder_that_is_replaced(device: Device, tmp_path: Path) -> None:
    device.folder.rename(tmp_path / "disk")
    device.folder.symlink_to(tmp_path / "disk")
    device.takes_the_new()
    assert device.folder.is_symlink()
    assert files(tmp_path / "disk") == device.new


def test_a_folder_of_something_else_is_not_replaced(device: Device, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="is no bundle"):
        fetch(device.server.url, home, root=device.root, name="tiny")
    assert [path.name for path in home.iterdir()] == ["notes.txt"]


def test_keys_are_replaced(device: Device, make_key: MakeKey) -> None:
    """First the key of every day, then the root's; a device that knows the first root follows."""
    publish(device.bundle, device.repository, make_key("second daily"), root_keys=[make_key("root")])
    device.takes_the_new()
    with pytest.raises(UpdateError, match="signed by another key"):
        publish(device.bundle, device.repository, device.key)
    roots = [make_key("root"), make_key("second root")]
    publish(device.bundle, device.repository, make_key("second daily"), root_keys=roots)
    device.takes_the_new()
    with pytest.raises(UpdateError, match="the root key is not that of"):
        publish(device.bundle, device.repository, make_key("second daily"), root_keys=[make_key("root")])
    publish(device.bundle, device.repository, make_key("third"), root_keys=[make_key("second root")])
    device.takes_the_new()
