from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.serve.recording import retention
from edgeseg.serve.recording.names import entries, file_name
from edgeseg.serve.recording.retention import HOLD, TOLERANCE, AgeClock, delete_old
from edgeseg.serve.settings import RecordingSettings
from tests.serve.results import START

HOUR = 3600


def fill(folder: Path, sizes: list[int], camera: str = "gate") -> None:
    """Files of so many bytes, an hour apart."""
    for number, size in enumerate(sizes):
        (folder / file_name(camera, START + HOUR * number, ".mp4")).write_bytes(bytes(size))


def left(folder: Path, camera: str = "gate") -> list[int]:
    """Hours of the files that are left."""
    return [int(entry.time - START) // HOUR for entry in entries(folder, camera)]


@given(
    sizes=st.lists(st.integers(0, 50), max_size=8),
    keep_hours=st.none() | st.floats(0.5, 9),
    keep_bytes=st.none() | st.integers(0, 300),
    present=st.integers(0, 60),
)
def test_what_stays_is_the_newest_that_the_settings_allow(
    sizes: list[int], keep_hours: float | None, keep_bytes: int | None, present: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, now = Path(name), START + HOUR * len(sizes)
        fill(folder, sizes)
        fill(folder, [1000], "other")
        settings = RecordingSettings(folder, keep_hours=keep_hours, keep_bytes=keep_bytes)
        deleted = retention.delete_old(settings, "gate", now, present)

        def allowed(first: int) -> bool:
            young = keep_hours is None or first >= len(sizes) or HOUR * (len(sizes) - first) <= HOUR * keep_hours
            return young and (keep_bytes is None or sum(sizes[first:]) + present <= keep_bytes)

        first = next((first for first in range(len(sizes)) if allowed(first)), len(sizes))
        assert left(folder) == list(range(first, len(sizes)))
        assert deleted == first
        assert left(folder, "other") == [0]


def test_room_is_made_as_far_as_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, [100] * 6)
    total = 1000

    def statvfs(folder: Path) -> SimpleNamespace:
        used = sum(path.stat().st_size for path in folder.iterdir())
        return SimpleNamespace(f_bavail=(total - used) // 10, f_frsize=10)

    monkeypatch.setattr("edgeseg.serve.recording.retention.os.statvfs", statvfs)
    settings = RecordingSettings(tmp_path, keep_free=650)
    assert retention.missing_room(settings) == 250
    assert retention.delete_old(settings, "gate", START) == 3
    assert retention.missing_room(settings) == 0
    assert left(tmp_path) == [3, 4, 5]


def test_room_that_these_files_cannot_make_deletes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, [100] * 6)
    room = SimpleNamespace(f_bavail=39, f_frsize=10)
    monkeypatch.setattr("edgeseg.serve.recording.retention.os.statvfs", lambda _folder: room)
    assert retention.delete_old(RecordingSettings(tmp_path, keep_free=991), "gate", START) == 0
    assert retention.delete_old(RecordingSettings(tmp_path, keep_free=991, keep_bytes=500), "gate", START) == 1


def test_room_that_all_cameras_can_make_together_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where keep_free was raised."""
    fill(tmp_path, [100] * 6)
    (tmp_path / file_name("yard", START, ".mp4")).write_bytes(bytes(300))
    monkeypatch.setattr(retention, "missing_room", lambda _settings: 900)
    assert retention.delete_old(RecordingSettings(tmp_path, keep_free=900), "gate", START) == 6
    assert [path.name for path in tmp_path.iterdir()] == [file_name("yard", START, ".mp4")]


def test_cameras_with_folders_of_their_own_make_room_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, yard, link, gone = (tmp_path / name for name in ("gate", "yard", "link", "gone"))
    for folder in (gate, yard):
        folder.mkdir()
    link.symlink_to(yard)
    fill(gate, [100] * 3)
    (yard / file_name("yard", START, ".mp4")).write_bytes(bytes(300))
    for missing, deleted in ((601, 0), (600, 3)):  # the same folder by two names counts once
        monkeypatch.setattr(retention, "missing_room", lambda _settings, missing=missing: missing)
        settings = RecordingSettings(gate, keep_free=1000)
        assert retention.delete_old(settings, "gate", START, folders=[gate, yard, link, gone]) == deleted
    assert len(entries(yard)) == 1


def test_other_disks_make_no_room_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, [100] * 3)
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("/dev/shm is no disk of its own here")
    with tempfile.TemporaryDirectory(dir=other) as folder:
        (Path(folder) / file_name("yard", START, ".mp4")).write_bytes(bytes(300))
        monkeypatch.setattr(retention, "missing_room", lambda _settings: 500)
        settings = RecordingSettings(tmp_path, keep_free=1000)
        assert retention.delete_old(settings, "gate", START, folders=[Path(folder)]) == 0


def test_a_disk_that_shows_room_late_loses_no_more_than_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Btrfs, which counts it at its next commit."""
    fill(tmp_path, [100] * 6)
    room = SimpleNamespace(f_bavail=39, f_frsize=10)
    monkeypatch.setattr("edgeseg.serve.recording.retention.os.statvfs", lambda _folder: room)
    assert retention.delete_old(RecordingSettings(tmp_path, keep_free=640), "gate", START) == 3
    assert left(tmp_path) == [3, 4, 5]


def test_room_on_the_real_disk(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    assert retention.missing_room(RecordingSettings(tmp_path, keep_free=1)) == 0
    missing = retention.missing_room(RecordingSettings(tmp_path, keep_free=disk.f_blocks * disk.f_frsize + 10**15))
    assert missing >= 10**15


def test_a_clock_that_jumps_forward_deletes_nothing_until_it_has_held(tmp_path: Path) -> None:
    """A year ahead for half an hour; back; ahead for good: nothing is deleted before that has held for an hour."""
    path = tmp_path / file_name("gate", START, ".mp4")
    path.write_bytes(b"x")
    settings, clock, year = RecordingSettings(tmp_path, keep_hours=24.0), AgeClock(), 365 * 86400.0

    def delete(minute: int, ahead: float) -> bool:
        delete_old(settings, "gate", clock.now(START + 60 * minute + ahead, 500.0 + 60 * minute))
        return not path.exists()

    for minute in range(90):
        assert not delete(minute, year if 30 <= minute < 60 else 0.0)
    deleted = [minute for minute in range(90, 200) if delete(minute, year)]
    assert deleted[0] == 90 + HOLD / 60


def test_files_of_a_clock_that_was_far_ahead_make_room_for_new_ones(tmp_path: Path) -> None:
    fill(tmp_path, [100, 100, 100])
    now = START - 365 * 86400
    for minute in range(3):
        (tmp_path / file_name("gate", now + 60 * minute, ".mp4")).write_bytes(bytes(100))
        delete_old(RecordingSettings(tmp_path, keep_bytes=300, keep_hours=1.0), "gate", now + 60 * minute)
    assert [entry.time for entry in entries(tmp_path, "gate")] == [now, now + 60, now + 120]


def test_a_clock_that_is_set_back_or_creeps_is_trusted() -> None:
    clock = AgeClock()
    assert clock.now(1000.0, 0.0) == 1000.0
    assert clock.now(400.0, 10.0) == 400.0
    for step in range(100):
        assert clock.now(400.0 + step * (60 + TOLERANCE), 10.0 + 60 * step) == 400.0 + step * (60 + TOLERANCE)
