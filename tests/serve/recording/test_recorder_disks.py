"""Recordings of a camera on disks that are full, hang or vanish."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeseg.serve.recording import recorder as module
from tests.serve.recording.conftest import WAIT, Camera, frames, wait_for


def test_what_a_broken_disk_leaves_is_told_once(
    tmp_path: Path, open_camera: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", 0.05)
    camera = open_camera(tmp_path, segment_seconds=1.0)

    def fail(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        for _ in range(8):
            camera.put(1)
            time.sleep(2 * module.RETRY)
    unfinished = [event.text for event in camera.events.newest(1000) if event.name == "recovered"]
    assert len(unfinished) == len(set(unfinished)) >= 3
    assert all("was left unfinished, cannot be finished: Input/output error" in text for text in unfinished)


def test_a_folder_that_vanishes_and_comes_back(
    tmp_path: Path, open_camera: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", 0.1)
    folder = tmp_path / "disk"
    camera = open_camera(folder)
    camera.put(1.5)
    wait_for(lambda: camera.recorder.status.reason)
    reason = camera.recorder.status.reason
    assert reason == f"{folder} cannot be written: No such file or directory"
    assert not camera.recorder.status.recording
    folder.mkdir()
    time.sleep(0.15)
    camera.put(2)
    wait_for(lambda: camera.recorder.status.recording)
    camera.close()
    assert camera.told() == ["paused", "resumed"]
    assert sum(frames(folder).values()) + camera.recorder.status.lost == 35
    assert camera.recorder.status.lost >= 10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=256k"):
        pytest.skip(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")
    yield folder
    assert libc.umount2(os.fsencode(folder), 2) == 0


def test_a_full_disk(small_disk: Path, open_camera: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", 0.05)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(150_000))
    camera = open_camera(small_disk, segment_seconds=60.0)
    while camera.recorder.status.recording:
        camera.put(1)
        assert camera.number < 1000
    reason = camera.recorder.status.reason
    assert reason is not None
    assert "No space left on device" in reason
    camera.put(2)
    before = frames(small_disk)
    assert sum(before.values()) > 0  # what was recorded before plays
    filler.unlink()
    time.sleep(0.1)
    camera.put(1)
    wait_for(lambda: camera.recorder.status.recording)
    camera.close()
    assert camera.slowest < 1
    told = camera.told()
    assert told[0] == "paused"
    assert "resumed" in told
    recorded = sum(frames(small_disk).values())
    assert recorded > sum(before.values())
    assert recorded + camera.recorder.status.lost == camera.number


def test_what_still_fits_on_a_full_disk_does_not_resume(
    tmp_path: Path, open_camera: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines of fractions do, for long; the video does not. A video that comes no more does not hold them up."""
    write = os.write

    def full(handle: int, data: Any) -> int:
        if len(data) > 4096:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data)

    monkeypatch.setattr(module, "RETRY", 0.0)
    camera = open_camera(tmp_path, fractions=True)
    with monkeypatch.context() as patch:
        patch.setattr("edgeseg.serve.recording.segments.os.write", full)
        camera.put(6)
        wait_for(lambda: not camera.recorder._pieces.waiting())
        assert camera.told() == ["paused"]
        patch.setattr(module, "LATEST", 0.0)
        camera.put(2)
        wait_for(lambda: camera.told()[:2] == ["paused", "resumed"])
    camera.put(2)
    wait_for(lambda: camera.told()[-1] == "resumed")


def test_room_is_kept_free(small_disk: Path, open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(small_disk, segment_seconds=1.0, keep_free=100_000)
    camera.put(30)
    camera.close()
    assert camera.recorder.status.bytes > 256 * 1024
    assert camera.recorder.status.lost == 0
    disk = os.statvfs(small_disk)
    assert disk.f_bavail * disk.f_frsize > 50_000
    assert max(frames(small_disk)) == "gate-2026-11-28T12-00-29Z.mp4"


def test_room_that_cannot_be_made(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(tmp_path, keep_free=shutil.disk_usage(tmp_path).total + 10**12)
    camera.put(1.5)
    wait_for(lambda: camera.recorder.status.reason)
    assert "bytes less than keep_free are left" in str(camera.recorder.status.reason)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A disk that hangs until this is set."""
    answers, write = threading.Event(), os.write

    def slow(handle: int, data: Any) -> int:
        answers.wait(WAIT)
        return write(handle, data)

    monkeypatch.setattr("edgeseg.serve.recording.segments.os.write", slow)
    return answers


def test_a_disk_that_hangs(
    tmp_path: Path, open_camera: Callable[..., Camera], answers: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HANGING", 0.1)
    monkeypatch.setattr(module, "WAITING", 3)
    answers.set()
    camera = open_camera(tmp_path)
    camera.put(1.2)
    wait_for(lambda: camera.recorder.status.bytes)
    answers.clear()
    camera.put(10)
    wait_for(lambda: camera.recorder.status.reason)
    assert camera.recorder.status.reason == f"the disk of {tmp_path} does not answer"
    camera.put(2)
    assert camera.slowest < 1
    assert camera.recorder.status.lost >= 60
    answers.set()
    camera.put(1)
    wait_for(lambda: camera.recorder.status.recording)
    camera.close()
    assert camera.told() == ["paused", "resumed"]
    assert sum(frames(tmp_path).values()) + camera.recorder.status.lost == camera.number


def test_the_end_does_not_wait_for_a_disk_that_hangs(
    tmp_path: Path, open_camera: Callable[..., Camera], answers: threading.Event
) -> None:
    camera = open_camera(tmp_path)
    camera.put(1.5)
    camera.live.close(WAIT)
    started = time.monotonic()
    camera.recorder.close(0.2)
    assert time.monotonic() - started < 5
    answers.set()
