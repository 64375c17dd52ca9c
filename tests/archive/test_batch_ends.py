"""Runs of `edgeseg batch` that are killed, interrupted or refused: what is finished stays, and the next goes on."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="tables of archives need pyarrow: pip install 'edgeseg[batch]'")

from edgeseg.errors import OutputError, SourceError, UsageError
from tests.archive.conftest import Batch, pieces, results, start


def test_bad_files_fail_alone(batch: Batch, make_video: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    good = make_video(tmp_path / "good.mp4", 8)
    for number in range(40):
        shutil.copy(good, folder / f"{number:02d}.mp4")
    (folder / "07.mp4").write_bytes(b"")
    (folder / "19.mp4").write_text("no video")
    (folder / "33.mp4").write_bytes(good.read_bytes()[:700])
    (folder / "gone.mp4").symlink_to("nowhere.mp4")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "note.pdf").write_text("none")
    report = batch(folder, out=tmp_path / "out")
    assert (report["code"], report["finished"], report["others"]) == (2, 37, 1)
    assert report["frames"] == 37 * 8
    reasons = {each["video"]: each["reason"] for each in report["failures"]}
    assert "No such file" in reasons.pop("gone.mp4")
    assert "is a device or pipe" in reasons.pop("pipe.mp4")
    assert sorted(reasons) == ["07.mp4", "19.mp4", "33.mp4"]
    assert "is empty" in reasons["07.mp4"]
    assert "is no video" in reasons["19.mp4"]
    assert report["said"].count("error: ") == 5
    one = results(tmp_path / "out/00.mp4")
    assert all(results(tmp_path / f"out/{number:02d}.mp4")["masks.mov"] == one["masks.mov"] for number in (1, 20, 39))
    (folder / "gone.mp4").unlink()
    (folder / "pipe.mp4").unlink()
    for name in reasons:
        shutil.copy(good, folder / name)
    again = batch(folder, out=tmp_path / "out")
    assert (again["code"], again["finished"], again["frames"], again["frames_before"]) == (0, 40, 24, 37 * 8)


def test_killed_at_random_it_goes_on(batch: Batch, make_video: Callable[..., Path], tiny: str, tmp_path: Path) -> None:
    """kill -9 of the run, again and again: its workers end with it, finished pieces stay, and nothing is done twice."""
    video, out = make_video(tmp_path / "in.mp4", 300, size=(640, 368)), tmp_path / "out"
    chance = random.Random(3)
    before: dict[str, int] = {}
    kills = 0
    while kills < 3:
        process = start(video, out, tiny)
        target = len(before) + chance.randint(1, 8)
        while process.poll() is None and len(pieces(out)) < target:
            time.sleep(chance.random() / 50)
        ended = process.poll() is not None
        process.kill()
        process.wait()
        if ended:
            break
        kills += 1
        time.sleep(0.2)  # its workers die with it
        now = pieces(out)
        assert {path: now.get(path) for path in before} == before
        before = now
        settled = pieces(out)
        time.sleep(0.3)
        assert pieces(out) == settled, "a worker has outlived its parent"
    assert kills >= 2
    assert not (out / "in.mp4").exists() or ended
    done = 10 * len(before)
    report = batch(video, out=out, piece=0.4)
    assert (report["code"], report["frames_before"], report["frames"]) == (0, done, 300 - done)
    assert batch(video, out=tmp_path / "whole")["code"] == 0
    assert results(out) == results(tmp_path / "whole")
    assert batch(video, out=out)["frames"] == 0


def test_a_worker_that_is_killed_is_replaced(
    batch: Batch, make_video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeseg.archive.pool import ProcessPool

    video, victims = make_video(tmp_path / "in.mp4", 120, size=(320, 192)), [0, 4, 5, 11]
    give = ProcessPool.give

    def and_kill(self: ProcessPool, worker: int, task: Any) -> None:
        give(self, worker, task)
        if task.kind == "piece" and task.piece in victims:
            victims.remove(task.piece)
            os.kill(self.pids[worker], signal.SIGKILL)

    monkeypatch.setattr(ProcessPool, "give", and_kill)
    report = batch(video, out=tmp_path / "out", piece=0.4)
    assert not victims
    assert (report["code"], report["frames"], report["failures"]) == (0, 120, [])
    monkeypatch.undo()
    batch(video, out=tmp_path / "whole")
    assert results(tmp_path / "out") == results(tmp_path / "whole")


def test_a_signal_ends_it_in_order(batch: Batch, make_video: Callable[..., Path], tiny: str, tmp_path: Path) -> None:
    video, out = make_video(tmp_path / "in.mp4", 200, size=(640, 368)), tmp_path / "out"
    process = start(video, out, tiny)
    while not pieces(out):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    done = 10 * len(pieces(out))
    report = batch(video, out=out)
    assert (report["code"], report["frames_before"], report["frames"]) == (0, done, 200 - done)
    assert not list(out.rglob(".*.tmp*"))


def test_a_full_disk_ends_it(batch: Batch, make_video: Callable[..., Path], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", disk], check=False).returncode
    ):
        pytest.skip("a small disk can be mounted by root alone")
    try:
        videos = [make_video(tmp_path / f"{number}.mp4", 60, size=(320, 192)) for number in range(4)]
        report = batch(*videos, out=disk / "out")
        assert report["code"] == 2
        assert "No space left on device" in report["fatal"]
        assert report["finished"] < 4
        assert "continues from what is finished" in report["said"]
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        assert batch(*videos, out=disk / "out")["code"] == 0
        assert batch(*videos, out=tmp_path / "whole")["code"] == 0
        assert results(disk / "out") == results(tmp_path / "whole")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_what_is_wrong_is_said_before_the_work(batch: Batch, make_video: Callable[..., Path], tmp_path: Path) -> None:
    video = make_video(tmp_path / "in.mp4", 8)
    with pytest.raises(SourceError, match=r"no-such\.mp4 does not exist"):
        batch(tmp_path / "no-such.mp4", out=tmp_path / "out")
    with pytest.raises(UsageError, match="--workers is 0"):
        batch(video, out=tmp_path / "out", workers=0)
    with pytest.raises(UsageError, match="--piece is nan"):
        batch(video, out=tmp_path / "out", piece=float("nan"))
    with pytest.raises(OutputError, match="cannot write into"):
        batch(video, out=video)
    assert not (tmp_path / "out").exists()


def test_results_of_other_settings_are_not_mixed(batch: Batch, make_video: Callable[..., Path], tmp_path: Path) -> None:
    video, out = make_video(tmp_path / "in.mp4", 8), tmp_path / "out"
    batch(video, out=out)
    with pytest.raises(UsageError, match="begun with overlay false, not true"):
        batch(video, out=out, overlay=True)
    assert batch(video, out=out, engine=None)["code"] == 0  # auto takes what they were begun with
    make_video(video, 9)
    report = batch(video, out=out)
    assert report["code"] == 2
    assert "has changed since it was segmented" in report["failures"][0]["reason"]
    (out / ".batch/settings.json").write_text("{")
    with pytest.raises(OutputError, match="not readable JSON"):
        batch(video, out=out)


def test_two_runs_do_not_work_in_one_folder(batch: Batch, make_video: Callable[..., Path], tmp_path: Path) -> None:
    from edgeseg.archive.place import Place

    video = make_video(tmp_path / "in.mp4", 8)
    with Place(tmp_path / "out").locked(), pytest.raises(UsageError, match="another run is at work"):
        batch(video, out=tmp_path / "out")
