"""`edgeseg batch` from end to end: the masks are those of `edgeseg run`, however a video is cut and a run is ended."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

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
from edgeseg.errors import UsageError
from edgeseg.segmenter import load
from edgeseg.spec import Head, Spec
from edgeseg.video.open import open_source
from tests.archive.conftest import Batch, results


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


def test_names_that_are_no_utf_8(batch: Batch, make_video: Callable[..., Path], tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    (tmp_path / "in").mkdir()
    shutil.copy(make_video(tmp_path / "plain.mp4", 40), tmp_path / "in" / name)
    assert batch(tmp_path / "in", out=tmp_path / "out", piece=0.4)["code"] == 0
    assert batch(tmp_path / "plain.mp4", out=tmp_path / "out")["code"] == 0
    assert results(tmp_path / "out" / name).keys() == results(tmp_path / "out/plain.mp4").keys()
