"""Archives of the size that they are made for, an hour of video in pieces and a thousand files: `make ray`."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="tables of archives need pyarrow: pip install 'edgeseg[batch]'")

from tests.archive.conftest import results, start

pytestmark = pytest.mark.skipif("EDGESEG_RAY" not in os.environ, reason="it takes minutes: make ray")

HOUR = 3600 * 25
"""Frames."""


@pytest.mark.timeout(1800)
def test_an_hour_in_pieces(
    batch: Callable[..., dict[str, Any]], make_video: Callable[..., Path], tiny: str, tmp_path: Path
) -> None:
    """Worker processes that are killed after half of it, and Ray's that go on, give the bytes of one that did all."""
    video, out = make_video(tmp_path / "in.mp4", HOUR, "mpeg4", group=25), tmp_path / "out"
    process = start(video, out, tiny, piece=60)
    folder = out / ".batch/in.mp4"
    while len(list(folder.glob("[0-9]*"))) < 30:
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    time.sleep(0.5)  # its workers die with it
    before = {piece.name: (piece / "frames.parquet").stat().st_ino for piece in folder.glob("[0-9]*")}
    report = batch(video, out=out, ray="local")
    assert (report["code"], report["finished"]) == (0, 1)
    assert 30 * 1500 <= report["frames_before"] == 1500 * len(before) < HOUR
    assert report["frames_before"] + report["frames"] == HOUR
    whole = batch(video, out=tmp_path / "whole", workers=1, piece=7200)
    assert whole["frames"] == HOUR
    assert results(out) == results(tmp_path / "whole")
    seconds = f"{report['frames']} of {HOUR} frames by Ray in {report['seconds']:.0f} s; in one piece, one worker: "
    print(f"{seconds}{whole['seconds']:.0f} s")  # pytest -s


@pytest.mark.timeout(900)
def test_a_thousand_files_of_which_ten_are_broken(
    batch: Callable[..., dict[str, Any]], make_video: Callable[..., Path], tmp_path: Path
) -> None:
    """All names are done or failed, each broken one with its reason; a second run does what was mended, and no more."""
    good = [make_video(tmp_path / f"{seed}.mp4", 8, seed=seed) for seed in range(4)]
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(1000):
        shutil.copy(good[number % 4], folder / f"{number:03d}.mp4")
    broken = [f"{number:03d}.mp4" for number in range(47, 1000, 100)]
    for name, data in zip(broken, (b"", b"no video", good[0].read_bytes()[:700]) * 4, strict=False):
        (folder / name).write_bytes(data)
    report = batch(folder, out=tmp_path / "out")
    assert (report["code"], report["finished"], report["frames"]) == (2, 990, 990 * 8)
    assert sorted(each["video"] for each in report["failures"]) == broken
    assert all(each["reason"] for each in report["failures"])
    expected = [results(tmp_path / f"out/{number:03d}.mp4")["masks.mov"] for number in range(4)]
    assert len(set(expected)) == 4
    for number in set(range(1000)) - {int(name[:3]) for name in broken}:
        assert results(tmp_path / f"out/{number:03d}.mp4")["masks.mov"] == expected[number % 4]
    for name in broken:
        shutil.copy(good[int(name[:3]) % 4], folder / name)
    again = batch(folder, out=tmp_path / "out")
    assert (again["code"], again["finished"], again["frames"], again["frames_before"]) == (0, 1000, 80, 990 * 8)
    print(f"1,000 files, ten of them broken: {report['seconds']:.0f} s; once more: {again['seconds']:.0f} s")
