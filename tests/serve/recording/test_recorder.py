"""Recordings of a camera, on disks that are full, hang or vanish, and of processes that are killed."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeseg.segmenter import Segmenter
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.recording import recorder as module
from edgeseg.serve.recording.fragments import LiveVideo
from edgeseg.serve.recording.names import entries
from edgeseg.serve.recording.recorder import Recorder
from edgeseg.serve.settings import RecordingSettings
from tests.serve.results import START, decode, let_encode, make_result

CLASSES = ("road", "sky", "other")
WAIT = 30.0


class Camera:
    """A recorder and the video it records, fed by hand."""

    def __init__(self, settings: RecordingSettings, model: Segmenter) -> None:
        self.events = EventLog()
        self.live = LiveVideo("gate", lambda: model, 10)
        self.recorder = Recorder(settings, "gate", self.live, self.events, CLASSES)
        self.number = 0
        self.slowest = 0.0

    def put(self, seconds: float) -> None:
        """So many seconds of ten frames each, as fast as they are encoded; the longest `put` is noted."""
        for _ in range(round(10 * seconds)):
            result = make_result(self.number)
            for sink in (self.live, self.recorder):
                started = time.perf_counter()
                sink.put(result, START + self.number / 10)
                self.slowest = max(self.slowest, time.perf_counter() - started)
            self.number += 1
            let_encode(self.live)
            wait_for(lambda: len(self.recorder._pieces.waiting()) < 20)
            wait_for(lambda: self.recorder._masks is None or not self.recorder._masks._results)

    def close(self) -> None:
        self.live.close(WAIT)
        self.recorder.close(WAIT)

    def told(self) -> list[str]:
        return [event.name for event in self.events.newest(100)]


@pytest.fixture
def open_camera(tiny: Segmenter) -> Iterator[Callable[..., Camera]]:
    cameras: list[Camera] = []

    def open_camera(folder: Path, **settings: Any) -> Camera:
        cameras.append(Camera(RecordingSettings(folder, **{"segment_seconds": 2.0, **settings}), tiny))
        return cameras[-1]

    yield open_camera
    for camera in cameras:
        camera.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("edgeseg-gate")]


def frames(folder: Path, pattern: str = "[!.]*.mp4") -> dict[str, int]:
    """Frames of each finished file."""
    return {path.name: len(decode(path.read_bytes())) for path in sorted(folder.glob(pattern))}


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_video_masks_and_fractions(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(tmp_path, masks=True, fractions=True)
    camera.put(5)
    camera.close()
    times = [f"gate-2026-11-28T12-00-0{second}Z" for second in (0, 2, 4)]
    assert frames(tmp_path) == dict(zip((f"{time}.mp4" for time in times), (20, 20, 10), strict=True))
    masks = frames(tmp_path, "[!.]*.mkv")
    assert masks == dict(zip((f"{time}-masks.mkv" for time in times), (20, 20, 10), strict=True))
    lines = [(tmp_path / f"{time}-fractions.jsonl").read_text().splitlines() for time in times]
    assert [len(each) for each in lines] == [21, 21, 11]
    assert json.loads(lines[1][1])["time"] == "2026-11-28T12:00:02.000Z"
    status = camera.recorder.status
    assert (status.recording, status.reason, status.segments, status.lost) == (True, None, 9, 0)
    assert {entry.path for entry in entries(tmp_path, "gate")} == set(tmp_path.iterdir())  # they are deleted in time
    assert status.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert camera.told() == []


def test_the_overlay_instead(tmp_path: Path, open_camera: Callable[..., Camera], tiny: Segmenter) -> None:
    camera = open_camera(tmp_path, overlay=True)
    camera.put(1)
    camera.close()
    (name,) = frames(tmp_path)
    image = decode((tmp_path / name).read_bytes())[0].to_ndarray(format="bgr24")
    first = make_result(0)
    assert first.mask is not None
    wanted = tiny.paint(first.mask, first.frame)
    assert abs(image[20:].astype(int) - wanted[20:]).mean() < 12


def test_old_files_are_deleted_while_it_records(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    foreign = tmp_path / "door-2026-11-28T12-00-00Z.mp4"
    foreign.write_bytes(bytes(10**6))
    camera = open_camera(tmp_path, segment_seconds=1.0, keep_bytes=100_000)
    camera.put(12)
    camera.close()
    assert foreign.exists()
    left = [path for path in tmp_path.iterdir() if path.name.startswith("gate")]
    assert 0 < sum(path.stat().st_size for path in left) < 120_000 < camera.recorder.status.bytes
    assert max(left).name == "gate-2026-11-28T12-00-11Z.mp4"


def test_files_that_are_too_large_to_be_kept_are_told_once(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    camera = open_camera(tmp_path, keep_bytes=1000)
    camera.put(10)
    camera.close()
    assert not list(tmp_path.iterdir())
    assert [event.text for event in camera.events.newest(9)] == [
        "files of 2 seconds are larger than keep_bytes, 1000, and are deleted when finished; take more, or a smaller "
        "segment_seconds"
    ]


def test_old_files_are_deleted_while_nothing_comes(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    old = tmp_path / "gate-2026-01-01T00-00-00Z.mp4"
    old.write_bytes(b"old")
    open_camera(tmp_path, segment_seconds=0.1, keep_hours=1.0)
    wait_for(lambda: not old.exists())


def test_a_file_that_cannot_be_deleted_stops_nothing(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    for stubborn in ("gate-2026-01-01T00-00-00Z.mp4", "gate-2026-01-02T00-00-00Z.mp4"):
        (tmp_path / stubborn).write_bytes(b"old")
    camera = open_camera(tmp_path, segment_seconds=1.0, keep_hours=1.0)
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if "2026-01-01" in path.name:
            raise PermissionError(1, "Operation not permitted", str(path))
        unlink(path, missing_ok=missing_ok)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        camera.put(4)
        camera.close()
    assert camera.told() == ["undeleted"]
    assert camera.recorder.status.lost == 0
    assert not (tmp_path / "gate-2026-01-02T00-00-00Z.mp4").exists()


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


def test_a_disk_that_hangs(tmp_path: Path, open_camera: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HANGING", 0.1)
    monkeypatch.setattr(module, "WAITING", 3)
    answers, write = threading.Event(), os.write
    answers.set()

    def slow(handle: int, data: Any) -> int:
        answers.wait(WAIT)
        return write(handle, data)

    monkeypatch.setattr("edgeseg.serve.recording.segments.os.write", slow)
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
    tmp_path: Path, open_camera: Callable[..., Camera], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, write = threading.Event(), os.write

    def slow(handle: int, data: Any) -> int:
        answers.wait(WAIT)
        return write(handle, data)

    monkeypatch.setattr("edgeseg.serve.recording.segments.os.write", slow)
    camera = open_camera(tmp_path)
    camera.put(1.5)
    camera.live.close(WAIT)
    started = time.monotonic()
    camera.recorder.close(0.2)
    assert time.monotonic() - started < 5
    answers.set()


KILLED = """
import sys, time
from pathlib import Path
from edgeseg.serve.event_log import EventLog
from edgeseg.serve.recording.fragments import LiveVideo
from edgeseg.serve.recording.recorder import Recorder
from edgeseg.serve.settings import RecordingSettings
from tests.serve.results import START, let_encode, make_result
live = LiveVideo("gate", None, 10)
settings = RecordingSettings(Path(sys.argv[1]), segment_seconds=2.0, masks=True, fractions=True)
recorder = Recorder(settings, "gate", live, EventLog(), ("road", "sky", "other"))
for number in range(56):  # the sixth second has begun
    live.put(make_result(number), START + number / 10)
    recorder.put(make_result(number), START + number / 10)
    let_encode(live)
    while recorder._masks._results:
        time.sleep(0.001)
bytes = -1
while bytes != recorder.status.bytes:  # the disk has what it will get
    bytes = recorder.status.bytes
    time.sleep(0.3)
print("recorded", flush=True)
time.sleep(60)
"""


def test_a_killed_process_loses_at_most_its_last_fragment(tmp_path: Path, open_camera: Callable[..., Camera]) -> None:
    root = str(Path(__file__).parents[3])
    program = f"import sys; sys.path.append({root!r})\n{KILLED}"  # last, as edgeseg is the one that is installed
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"recorded\n"
        process.send_signal(signal.SIGKILL)
    finished = frames(tmp_path)
    assert finished == {"gate-2026-11-28T12-00-00Z.mp4": 20, "gate-2026-11-28T12-00-02Z.mp4": 20}
    camera = open_camera(tmp_path)
    wait_for(lambda: len(camera.told()) == 3)
    camera.close()
    assert camera.told() == ["recovered"] * 3
    assert frames(tmp_path) == {**finished, "gate-2026-11-28T12-00-04Z.mp4": 10}
    assert sum(frames(tmp_path, "[!.]*.mkv").values()) >= 50 - 10
    lines = [path.read_text() for path in sorted(tmp_path.glob("*.jsonl"))]
    assert all(text.endswith("}\n") for text in lines)
    assert sum(text.count("time") for text in lines) == 50
    assert not list(tmp_path.glob(".*"))
