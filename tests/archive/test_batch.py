"""`edgeseg batch` from end to end: the masks are those of `edgeseg run`, however a video is cut and a run is ended."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="tables of archives need pyarrow: pip install 'edgeseg[batch]'")

import pyarrow.parquet as pq

from edgeseg.archive.masks import read_classes, read_masks
from edgeseg.arrays import Image
from edgeseg.bundle import Bundle
from edgeseg.commands.run import run_command
from edgeseg.errors import OutputError, SourceError, UsageError
from edgeseg.segmenter import load
from edgeseg.spec import Head, Spec
from edgeseg.video.open import open_source

Batch = Callable[..., dict[str, Any]]


def results(folder: Path) -> dict[str, bytes]:
    """Every file that is there to stay, by its name."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if ".batch" not in path.parts}


def read_pngs(folder: Path) -> list[Image]:
    """The pictures in a folder, by OpenCV, in the order of their names."""
    return [np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), np.uint8) for path in sorted(folder.iterdir())]


def test_the_masks_are_those_of_run(batch: Batch, make_video: Callable[..., Path], tiny: str, tmp_path: Path) -> None:
    video = make_video(tmp_path / "in.mp4", 43)
    report = batch(video, out=tmp_path / "out", piece=0.4)
    assert (report["code"], report["finished"], report["frames"], report["failures"]) == (0, 1, 43, [])
    run_command(str(video), bundle=tiny, engine="onnxruntime", masks=tmp_path / "masks", json=True)
    pictures = read_pngs(tmp_path / "masks")
    found = list(read_masks(tmp_path / "out/in.mp4/masks.mov"))
    assert len(found) == len(pictures) == 43
    for (_, mask), picture in zip(found, pictures, strict=True):
        assert np.array_equal(mask, picture)
    with av.open(str(tmp_path / "out/in.mp4/masks.mov")) as container:  # as any player does
        for frame, (seconds, mask) in zip(container.decode(video=0), found, strict=True):
            assert np.array_equal(frame.to_ndarray(format="gray"), mask)
            assert frame.time == pytest.approx(seconds)


def test_the_table_is_what_the_masks_say(
    batch: Batch, make_video: Callable[..., Path], tiny: str, tmp_path: Path, spec: Spec
) -> None:
    video = make_video(tmp_path / "in.mp4", 30)
    batch(video, out=tmp_path / "out", piece=0.4)
    rows = pq.read_table(tmp_path / "out/in.mp4/frames.parquet").to_pylist()
    assert [row["frame"] for row in rows] == list(range(30))
    model = load(tiny, threads=1)
    with open_source(video) as source:
        for frame, row, (_, mask) in zip(source, rows, read_masks(tmp_path / "out/in.mp4/masks.mov"), strict=True):
            assert (row["time"], row["height"], row["width"]) == (frame.timestamp, *mask.shape)
            for number, name in enumerate(spec.classes):
                assert row[f"fraction_{name}"] == pytest.approx(np.mean(mask == number))
            best = np.sort(model.logits(frame.image)[0], axis=0)
            assert row["confidence"] == pytest.approx((best[-1] - best[-2]).mean())
    classes = read_classes(tmp_path / "out/in.mp4/masks.mov")
    assert [(each["id"], each["name"], tuple(each["colour"])) for each in classes] == [
        (number, name, colour) for number, (name, colour) in enumerate(zip(spec.classes, spec.palette, strict=True))
    ]


def test_pieces_are_the_whole_byte_for_byte(batch: Batch, make_video: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    make_video(tmp_path / "in/a.mp4", 60)
    make_video(tmp_path / "in/deep/b.mkv", 25, "mpeg4", seed=1)
    whole = batch(tmp_path / "in", out=tmp_path / "whole", workers=1)
    cut = batch(tmp_path / "in", out=tmp_path / "cut", piece=0.4, workers=3)
    assert whole["frames"] == cut["frames"] == 85
    assert set(results(tmp_path / "whole")) == {
        f"{name}/{file}" for name in ("a.mp4", "deep/b.mkv") for file in ("masks.mov", "frames.parquet")
    }
    assert results(tmp_path / "cut") == results(tmp_path / "whole")
    assert {path.name for path in (tmp_path / "cut/.batch").iterdir()} - {"deep"} == {"lock", "settings.json"}


def test_several_frames_at_once_are_the_same_bytes(
    batch: Batch, make_video: Callable[..., Path], make_bundle: Callable[..., Bundle], spec: Spec, tmp_path: Path
) -> None:
    """By groups that do not divide the pieces."""
    video = make_video(tmp_path / "in.mp4", 43)
    several = str(make_bundle(tmp_path / "several", replace(spec, batch=4)).folder)
    for size in (1, 4):
        options = {"bundle": several, "batch": size, "piece": 0.4}
        report = batch(video, out=tmp_path / str(size), **options)
        assert (report["code"], report["frames"]) == (0, 43)
    assert results(tmp_path / "4") == results(tmp_path / "1")
    with pytest.raises(UsageError, match="batch is 5, and tiny takes up to 4 frames at once here"):
        batch(video, out=tmp_path / "5", bundle=several, batch=5)


def test_overlays(batch: Batch, make_video: Callable[..., Path], tiny: str, tmp_path: Path) -> None:
    video = make_video(tmp_path / "in.mp4", 43)
    assert batch(video, out=tmp_path / "out", piece=0.4, overlay=True)["code"] == 0
    model = load(tiny, threads=1)
    with open_source(video) as source, open_source(tmp_path / "out/in.mp4/overlay.mkv") as overlays:
        for frame, shown in zip(source, overlays, strict=True):
            painted = model.paint(model(frame.image), frame.image)
            assert shown.timestamp == pytest.approx(frame.timestamp, abs=1e-3)
            assert np.abs(shown.image.astype(int) - painted).mean() < 12  # H.264's losses


def test_labels_that_overlap_have_a_track_each(
    batch: Batch, make_video: Callable[..., Path], make_bundle: Callable[..., Bundle], spec: Spec, tmp_path: Path
) -> None:
    labels = replace(spec, name="labels", head=Head("multi-label", exclusive=False))
    bundle = make_bundle(tmp_path / "labels", labels)
    video = make_video(tmp_path / "in.mp4", 12)
    assert batch(video, out=tmp_path / "out", bundle=str(bundle.folder))["code"] == 0
    model = load(bundle, threads=1)
    rows = pq.read_table(tmp_path / "out/in.mp4/frames.parquet").to_pylist()
    with open_source(video) as source:
        for frame, (_, mask), row in zip(source, read_masks(tmp_path / "out/in.mp4/masks.mov"), rows, strict=True):
            assert np.array_equal(mask, model(frame.image))
            assert row["fraction_car"] == pytest.approx(mask[1].mean())
    with av.open(str(tmp_path / "out/in.mp4/masks.mov")) as container:
        assert [stream.metadata["handler_name"] for stream in container.streams] == list(spec.classes)


def test_frames_that_change_their_size_keep_it(batch: Batch, make_video: Callable[..., Path], tmp_path: Path) -> None:
    parts = [make_video(tmp_path / name, 10, size=size) for name, size in (("a.ts", (96, 64)), ("b.ts", (64, 48)))]
    video = tmp_path / "in.ts"
    video.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert batch(video, out=tmp_path / "out")["code"] == 0
    with open_source(video) as source:
        shapes = [frame.image.shape[:2] for frame in source]
    assert len(set(shapes)) == 2
    assert [mask.shape for _, mask in read_masks(tmp_path / "out/in.ts/masks.mov")] == shapes
    report = batch(video, out=tmp_path / "painted", overlay=True)
    assert report["code"] == 2
    assert "leave out --overlay" in report["failures"][0]["reason"]


def test_an_interlaced_video_is_done_as_a_whole(
    batch: Batch, make_video: Callable[..., Path], tiny: str, tmp_path: Path
) -> None:
    video = make_video(tmp_path / "in.mkv", 40, options={"x264-params": "interlaced=1", "flags": "+ildct+ilme"})
    assert batch(video, out=tmp_path / "out", piece=0.4)["code"] == 0
    run_command(str(video), bundle=tiny, engine="onnxruntime", masks=tmp_path / "masks", json=True)
    expected = read_pngs(tmp_path / "masks")
    found = [mask for _, mask in read_masks(tmp_path / "out/in.mkv/masks.mov")]
    assert np.array_equal(found, expected)


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


def test_names_that_are_no_utf_8(batch: Batch, make_video: Callable[..., Path], tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    (tmp_path / "in").mkdir()
    shutil.copy(make_video(tmp_path / "plain.mp4", 40), tmp_path / "in" / name)
    assert batch(tmp_path / "in", out=tmp_path / "out", piece=0.4)["code"] == 0
    assert batch(tmp_path / "plain.mp4", out=tmp_path / "out")["code"] == 0
    assert results(tmp_path / "out" / name).keys() == results(tmp_path / "out/plain.mp4").keys()


def start(video: Path, out: Path, tiny: str, piece: float = 0.4) -> subprocess.Popen[bytes]:
    """The command in a process of its own, two workers and pieces of 10 frames, or of so many seconds."""
    command = ["batch", str(video), "--out", str(out), "--bundle", tiny, "--engine", "onnxruntime"]
    return subprocess.Popen(
        [sys.executable, "-m", "edgeseg", *command, "--piece", str(piece), "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def pieces(out: Path) -> dict[str, int]:
    """The finished pieces: the inode of each, by which one that is written again shows.

    Folders of unfinished ones, which vanish at any time, are not looked into.
    """
    tables = (out / ".batch").glob("*/[0-9][0-9][0-9][0-9]/frames.parquet")
    return {str(path.parent): path.stat().st_ino for path in tables}


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
