"""`edgeseg batch` in buckets: the results are those on disks, and what is in the way is one sentence."""

from __future__ import annotations

import io
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="tables of archives need pyarrow: pip install 'edgeseg[batch]'")
pytest.importorskip("boto3", reason="a server of S3 for tests is moto's: pip install 'moto[s3]' flask flask-cors")
pytest.importorskip("moto.server", reason="a server of S3 for tests is moto's: pip install 'moto[s3]' flask flask-cors")

import pyarrow.parquet as pq

import edgeseg
from edgeseg.archive import bucket, store
from edgeseg.archive.address import Location, Object, locate
from edgeseg.archive.masks import read_masks
from edgeseg.archive.pool import Start
from edgeseg.archive.settings import Loading, Settings
from edgeseg.archive.tasks import Failed, Finished, Task
from edgeseg.archive.videos import Video, find_videos
from edgeseg.archive.worker import Worker
from edgeseg.bundle import Bundle
from edgeseg.errors import SourceError, UsageError
from edgeseg.video.span import SpanSource, cut
from tests.archive.buckets import Server

Batch = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.usefixtures("environment")


def make_worker(tiny: str, root: Location, piece: float = 60.0) -> Worker:
    return Worker(root, Loading(tiny, settings_of(tiny)), piece, Mock())


def settings_of(tiny: str) -> Settings:
    opened = Bundle.open(tiny)
    return Settings(opened.spec.name, "onnxruntime", "fp32", opened.artifacts[0].sha256, False)


def video_at(url: str) -> Video:
    where = locate(url)
    assert isinstance(where, Object)
    return Video(where.name, where, store.status(where).bytes)


def results(found: dict[str, bytes]) -> dict[str, Any]:
    """What is there to stay: the bytes of masks, and of tables all but the metadata, which name the source's time."""
    return {
        key: pq.read_table(io.BytesIO(content)).replace_schema_metadata() if key.endswith(".parquet") else content
        for key, content in found.items()
        if ".batch" not in key
    }


def on_disk(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_from_bucket_to_bucket(
    batch: Batch, make_video: Callable[..., Path], tiny: str, server: Server, tmp_path: Path
) -> None:
    """The same masks as on disks; each object is written once, and pieces do not stay."""
    source, target = server.bucket(), server.bucket()
    (tmp_path / "in/day 1").mkdir(parents=True)
    local = make_worker(tiny, tmp_path / "out")
    for name, count, options in (("a.mp4", 43, {}), ("day 1/ü#b.mkv", 25, {"codec": "mpeg4", "seed": 1})):
        video = make_video(tmp_path / "in" / name, count, **options)
        source.put(video, f"archive/{name}")
        assert isinstance(local.do(Task("begin", Video(name, video, 0))), Finished)
    source.put(tmp_path / "in/a.mp4", "archive/.hidden.mp4")
    source.put(tmp_path / "in/a.mp4", "elsewhere/c.mp4")
    report = batch(f"{source.url}/archive/", out=f"{target.url}/masks", piece=0.4)
    assert (report["code"], report["frames"], report["failures"]) == (0, 68, [])
    found = {key.removeprefix("masks/"): content for key, content in target.objects().items()}
    assert results(found) == results(on_disk(tmp_path / "out"))
    assert {key for key in found if ".batch" in key} == {".batch/settings.json"}
    assert set(target.writes().values()) == {1}
    copy = tmp_path / "masks.mov"
    copy.write_bytes(found["a.mp4/masks.mov"])
    sent, made = ([mask for _, mask in read_masks(path)] for path in (copy, tmp_path / "out/a.mp4/masks.mov"))
    assert len(sent) == 43
    assert np.array_equal(sent, made)
    before = target.writes()
    with pytest.raises(UsageError, match=f"the results in {target.url}/masks were begun with overlay false"):
        batch(f"{source.url}/archive", out=f"{target.url}/masks", overlay=True)
    source.put(make_video(tmp_path / "in/a.mp4", 9), "archive/a.mp4")
    report = batch(f"{source.url}/archive", out=f"{target.url}/masks/", piece=0.4, workers=1)
    assert (report["code"], report["frames"], report["frames_before"]) == (2, 0, 25)
    assert {**target.writes(), "masks/.batch/settings.json": 1} == before
    assert [each["video"] for each in report["failures"]] == ["a.mp4"]
    assert f"{source.url}/archive/a.mp4 has changed since it was segmented" in report["failures"][0]["reason"]


def test_either_side_may_be_a_disk(
    batch: Batch, make_video: Callable[..., Path], server: Server, tmp_path: Path
) -> None:
    """Lists too: on a disk with URLs in it, and in a bucket with names beside it. A bad file fails alone."""
    there = server.bucket()
    video = make_video(tmp_path / "a.mp4", 12)
    there.put(video, "in/a.mp4")
    (tmp_path / "bad.mp4").write_text("no video")
    there.put(tmp_path / "bad.mp4", "in/bad.mp4")
    (tmp_path / "here.txt").write_text(f"{there.url}/in/a.mp4\n{there.url}/in/bad.mp4\n")
    (tmp_path / "there.txt").write_text("# beside it\na.mp4\n")
    there.put(tmp_path / "there.txt", "in/all.txt")
    report = batch(tmp_path / "here.txt", out=tmp_path / "out", workers=1)
    assert (report["code"], report["finished"]) == (2, 1)
    assert report["failures"][0]["reason"].startswith(f"{there.url}/in/bad.mp4 is no video that can be decoded")
    root = Object(there.name, "in", server.url)
    assert find_videos([root / "all.txt"], tmp_path)[0] == [Video("a.mp4", root / "a.mp4", video.stat().st_size)]
    assert batch(video, out=f"{there.url}/out", overlay=True, workers=1)["code"] == 0
    assert (tmp_path / "out/a.mp4/masks.mov").read_bytes() == there.objects()["out/a.mp4/masks.mov"]
    assert {key for key in there.objects() if key.startswith("out/a.mp4/")} == {
        f"out/a.mp4/{name}" for name in ("masks.mov", "frames.parquet", "overlay.mkv")
    }


def test_killed_it_goes_on(
    batch: Batch, make_video: Callable[..., Path], tiny: str, server: Server, tmp_path: Path
) -> None:
    """kill -9 of the run: what it had sent stays, no object is written twice, and its copies on disk go."""
    there = server.bucket()
    video = make_video(tmp_path / "in.mp4", 160, size=(640, 368))
    there.put(video, "in.mp4")
    command = ["batch", f"{there.url}/in.mp4", "--out", f"{there.url}/out", "--bundle", tiny, "--piece", "0.4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "edgeseg", *command, "--engine", "onnxruntime", "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def pieces() -> dict[str, bytes]:
        return {key: content for key, content in there.objects().items() if key.endswith("/frames.parquet")}

    while process.poll() is None and len(pieces()) < 3:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.3)  # its workers die with it
    before = pieces()
    assert 3 <= len(before) < 16
    assert all(key.startswith("out/.batch/in.mp4/00") for key in before)
    report = batch(f"{there.url}/in.mp4", out=f"{there.url}/out", piece=0.4)
    assert (report["code"], report["frames_before"], report["frames"]) == (0, 10 * len(before), 160 - 10 * len(before))
    writes = there.writes()
    assert {key for key, count in writes.items() if count > 1} <= {"out/.batch/settings.json"}
    make_worker(tiny, tmp_path / "out").do(Task("begin", Video("in.mp4", video, 0)))
    assert there.objects()["out/in.mp4/masks.mov"] == (tmp_path / "out/in.mp4/masks.mov").read_bytes()


def test_a_result_without_its_last_object_is_none(
    make_video: Callable[..., Path], tiny: str, server: Server, tmp_path: Path
) -> None:
    """As of a worker that died as it sent: the table comes last."""
    there = server.bucket()
    there.put(make_video(tmp_path / "a.mp4", 8), "a.mp4")
    there.put(tmp_path / "a.mp4", "out/a.mp4/masks.mov")  # the beginning of it
    worker = make_worker(tiny, Object(there.name, "out", server.url))
    outcome = worker.do(Task("begin", video_at(f"{there.url}/a.mp4")))
    assert isinstance(outcome, Finished)
    assert (outcome.frames, outcome.earlier) == (8, False)
    assert there.objects()["out/a.mp4/masks.mov"] != (tmp_path / "a.mp4").read_bytes()


def test_a_machine_of_a_cluster(make_video: Callable[..., Path], tiny: str, server: Server, tmp_path: Path) -> None:
    """A worker there finds settings and videos by the same URLs; its own credentials decide."""
    pytest.importorskip("ray", reason="clusters need Ray: pip install 'edgeseg[ray]'")
    from edgeseg.archive.cluster.actor import Actor, bundle_files

    there = server.bucket()
    there.put(make_video(tmp_path / "a.mp4", 8), "a.mp4")
    root = Object(there.name, "out", server.url)
    start = Start(root, Loading(tiny, settings_of(tiny)), 60.0)
    refusal = Actor().load(start, bundle_files(Path(tiny)), edgeseg.__version__)
    assert refusal is not None
    assert f"does not see {there.url}/out as this machine does" in refusal
    settings_of(tiny).write(root / ".batch" / "settings.json")
    actor = Actor()
    assert actor.load(start, bundle_files(Path(tiny)), edgeseg.__version__) is None
    assert isinstance(actor.do(Task("begin", video_at(f"{there.url}/a.mp4"))), Finished)


# MPEG-TS is sought by bisection, which reads a file as small as this one through.
@pytest.mark.parametrize(("name", "share"), [("in.mp4", 0.25), ("in.mkv", 0.25), ("in.ts", 2)])
def test_of_a_piece_no_more_is_read_than_it_takes(
    make_video: Callable[..., Path],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    share: float,
) -> None:
    there = server.bucket()
    video = make_video(tmp_path / name, 200, size=(640, 368))
    there.put(video, name)
    monkeypatch.setattr(store, "AHEAD", 2**14)
    read = 0
    readinto = bucket.Ranges.readinto

    def count(self: bucket.Ranges, buffer: Any) -> int:
        nonlocal read
        got = readinto(self, buffer)
        read += got
        return got

    monkeypatch.setattr(bucket.Ranges, "readinto", count)
    spans = cut(video, 0.4)
    assert len(spans) == 20
    for span in (spans[0], spans[9], spans[-1]):
        read = 0
        with store.open_file(locate(f"{there.url}/{name}")) as file, SpanSource("it", span, 0.0, file=file) as source:
            found = [(frame.timestamp, frame.image) for frame in source]
        with SpanSource(video, span, 0.0) as source:
            for (timestamp, image), frame in zip(found, source, strict=True):
                assert timestamp == frame.timestamp
                assert np.array_equal(image, frame.image)
        assert 0 < read < share * video.stat().st_size


def test_a_copy_that_has_no_room(
    make_video: Callable[..., Path], tiny: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = server.bucket()
    there.put(make_video(tmp_path / "a.mp4", 8), "a.mp4")
    worker = make_worker(tiny, Object(there.name, "out", server.url))
    monkeypatch.setattr(shutil, "disk_usage", Mock(return_value=Mock(free=100)))
    outcome = worker.do(Task("begin", video_at(f"{there.url}/a.mp4")))
    assert isinstance(outcome, Failed)
    assert f"a copy of {there.url}/a.mp4 takes 0.00 GB" in outcome.reason
    assert "set TMPDIR" in outcome.reason


def test_copies_of_dead_processes_are_removed(server: Server, tmp_path: Path) -> None:
    there = server.bucket()
    (tmp_path / "x").write_text("x")
    there.put(tmp_path / "x", "x")
    code = "import os, sys; from edgeseg.archive import store, address; "
    code += "copy = store.fetch(address.locate(sys.argv[1])); copy.__enter__(); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, f"{there.url}/x"], check=False)
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    with store.fetch(locate(f"{there.url}/x")) as copy:
        assert copy.read_text() == "x"
        assert len(list((tmp_path / "tmp").iterdir())) == 1


def test_what_is_missing_is_said_before_the_work(
    batch: Batch, make_video: Callable[..., Path], server: Server, tmp_path: Path
) -> None:
    there = server.bucket()
    video = make_video(tmp_path / "a.mp4", 8)
    there.put(video, "in/a.mp4")
    with pytest.raises(SourceError, match=f"there is no bucket nowhere at {server.url}; check its name"):
        batch(video, out="s3://nowhere/out")
    with pytest.raises(SourceError, match="there is no bucket nowhere"):
        batch("s3://nowhere/in", out=f"{there.url}/out")
    with pytest.raises(SourceError, match=f"{there.url}/in/b.mp4 does not exist or is no file"):
        batch(f"{there.url}/in/b.mp4", out=f"{there.url}/out")
    with pytest.raises(SourceError, match=f"the folder {there.url} holds no video"):
        find_videos([Object(there.name, "", server.url)], Object(there.name, "in", server.url))
    (tmp_path / "all.txt").write_text(f"{there.url}/in/a.mp4\n{there.url}/in/b.mp4\ns3://nowhere/c.mp4\n")
    with pytest.raises(SourceError, match=rf"names 2 of 3 files that are not there: {there.url}/in/b\.mp4, s3://nowh"):
        batch(tmp_path / "all.txt", out=f"{there.url}/out")
    with pytest.raises(SourceError, match=rf"cannot read {there.url}/b\.txt: .*No such file"):
        batch(f"{there.url}/b.txt", out=f"{there.url}/out")
    with pytest.raises(UsageError, match=f"the results in {there.url}/in would take the place of the videos there"):
        batch(f"{there.url}/in", out=f"{there.url}/in")
    assert set(there.objects()) == {"in/a.mp4"}


def test_results_in_a_bucket_are_no_videos(server: Server, tmp_path: Path) -> None:
    there = server.bucket()
    (tmp_path / "x").write_bytes(b"1234")
    for key in ("a.mp4", "out/b.mp4", "old/c.mp4/masks.mov", "old/c.mp4/frames.parquet", "old/masks.mov", "note.pdf"):
        there.put(tmp_path / "x", key)
    root = Object(there.name, "", server.url)
    videos, others = find_videos([root], root / "out")
    assert ([video.name for video in videos], others) == (["a.mp4", "old/masks.mov"], 1)
    assert videos[0] == Video("a.mp4", root / "a.mp4", 4)


def test_spaces_of_any_kind_are_part_of_a_name(server: Server, tmp_path: Path) -> None:
    there, names = server.bucket(), ["10\u202fAM.mp4", "cam\xa01.mp4", "\u0645\u06cc\u200c.mp4", "\u6771\u3000.mp4"]
    (tmp_path / "x").write_bytes(b"1234")
    for name in names:
        there.put(tmp_path / "x", f"in/{name}")
    videos, others = find_videos([locate(f"{there.url}/in")], tmp_path / "out")
    assert ([video.name for video in videos], others) == (sorted(names), 0)
    assert store.sizes([locate(f"{there.url}/in/{names[0]}")]) == [4]


def test_a_bucket_that_takes_no_more_ends_the_run(
    make_video: Callable[..., Path], tiny: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = server.bucket()
    path = make_video(tmp_path / "a.mp4", 8)
    worker = make_worker(tiny, Object(there.name, "out", server.url))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setattr(
            worker._place, "root", Object(there.name, "out", f"http://127.0.0.1:{free.getsockname()[1]}")
        )
        outcome = worker.do(Task("begin", Video("a.mp4", path, path.stat().st_size)))
    assert isinstance(outcome, Failed)
    assert outcome.fatal
    assert "does not answer for" in outcome.reason
