"""Recordings of a camera, what is kept of them, and of processes that are killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeseg.segmenter import Segmenter
from edgeseg.serve.recording.names import entries
from tests.serve.recording.conftest import Camera, frames, wait_for
from tests.serve.results import decode, make_result


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
