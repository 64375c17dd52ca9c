"""edgeseg-run against `edgeseg run`: the same masks, figures and JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import edgeseg
from edgeseg.bundle import Bundle
from edgeseg.spec import Head, Spec
from edgeseg.video.open import open_source
from tests.cpp.run.process import SECONDS, Start, pictures, report, shape
from tests.cpp.video.cases import QUARTER, Case, write
from tests.video.sent_videos import FRAMES, pushed
from tests.video.test_announced import PIPED
from tests.video.test_sequences import COUNT, write_piece


def test_a_file_as_python(start: Start, lossless: Path, tmp_path: Path) -> None:
    ours = start(lossless, "--masks", "cpp", "--out", "cpp.mp4")
    arguments = ["--bundle", "road-nano", "--engine", "openvino", "--precision", "fp32", "--json"]
    command = [sys.executable, "-m", "edgeseg", "run", str(lossless), "--masks", "python", "--out", "python.mp4"]
    theirs = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    cpp, python = report(ours), report(theirs)
    assert (ours.returncode, theirs.returncode) == (0, 0)
    assert shape(cpp) == shape(python)
    same = (
        "source",
        "width",
        "height",
        "mode",
        "workers",
        "threads",
        "frames",
        "dropped",
        "skipped",
        "ended",
        "warnings",
    )
    assert {key: cpp[key] for key in same} == {key: python[key] for key in same}
    assert list(cpp) == list(python)
    assert list(cpp["stages"]) == list(python["stages"])
    assert cpp["outputs"] == ["cpp.mp4", "cpp"]
    assert len(pictures(tmp_path / "cpp")) == 7
    assert pictures(tmp_path / "cpp") == pictures(tmp_path / "python")
    with av.open(str(tmp_path / "cpp.mp4")) as one, av.open(str(tmp_path / "python.mp4")) as other:
        assert one.streams.video[0].average_rate == other.streams.video[0].average_rate
        frames = [
            [frame.to_ndarray(format="bgr24").astype(int) for frame in each.decode(video=0)] for each in (one, other)
        ]
    assert [len(each) for each in frames] == [7, 7]
    assert (
        max(float(np.abs(a - b).mean()) for a, b in zip(*frames, strict=True)) < 8
    )  # other encoders, the same pictures
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cpp", "cpp.mp4", "python", "python.mp4"]


def test_turned_wide_pixels_and_damage_as_python(start: Start, tmp_path: Path) -> None:
    """H.264 with all that it says of its shape, and without its end: masks, size and warnings are Python's."""
    whole = tmp_path / "whole.mkv"
    wide = {"sample_aspect_ratio": Fraction(3, 2)}
    times = tuple(range(12))
    write(whole, Case("libx264", ".mkv", (160, 96), "yuv444p", {"crf": "8"}, wide, QUARTER, times))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: 2 * whole.stat().st_size // 3])
    model = edgeseg.load("road-nano", engine="openvino", precision="fp32", threads=1)
    for path in (whole, cut):
        with open_source(path) as source:
            masks = [np.asarray(model(frame.image)).tobytes() for frame in source]
        found = report(start(path, "--masks", path.stem))
        assert (found["width"], found["height"]) == (source.width, source.height) == (96, 240)
        assert [mask for _, mask in sorted(pictures(tmp_path / path.stem).items())] == masks
        assert found["warnings"] == source.warnings
    assert "is damaged or ends early" in found["warnings"][0]


@pytest.mark.parametrize(("codec", "format"), [("mpeg2video", "mpeg2video"), ("mpeg1video", "mpegts")])
def test_no_frame_is_forgotten_where_mpeg_changes_its_size(
    start: Start, tmp_path: Path, codec: str, format: str
) -> None:
    sizes = [(64, 48), (48, 64), (48, 64), (96, 48)]
    pieces = [write_piece(tmp_path / "piece", codec, format, size, b_frames=2) for size in sizes]
    path = tmp_path / "joined"
    path.write_bytes(b"".join(pieces))
    with open_source(path) as source:
        count = len(list(source))
    found = report(start(path, "--masks", "masks"))
    assert (found["frames"], found["warnings"]) == (count, source.warnings) == (COUNT * len(sizes), [])


def test_labels_that_overlap_have_folders(
    program: Path, lossless: Path, tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]
) -> None:
    head = Head("multi-label", "probabilities", 0.5, exclusive=False)
    classes = ("road: left", ".car", "sky")
    bundle = make_bundle(tmp_path / "labels", replace(spec, name="labels", classes=classes, head=head))
    options = [str(lossless), "--bundle", str(bundle.folder), "--engine", "openvino", "--max-frames", "2"]
    for name, command in {"cpp": [str(program)], "python": [sys.executable, "-m", "edgeseg", "run"]}.items():
        (tmp_path / name / "sky").mkdir(parents=True)
        (tmp_path / name / "sky" / "old.png").write_bytes(b"of another run")
        outputs = ["--masks", str(tmp_path / name), "--overwrite", "--out", str(tmp_path / f"{name}.mkv"), "--json"]
        done = subprocess.run([*command, *options, *outputs], capture_output=True, text=True, timeout=SECONDS)
        assert done.returncode == 0, done.stderr
        assert any("1 file not of this run" in each for each in json.loads(done.stdout)["warnings"])
        assert len(list((tmp_path / name).rglob("0*.png"))) == 6
    for path in (tmp_path / "python").rglob("0*.png"):
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        other = cv2.imread(str(tmp_path / "cpp" / path.relative_to(tmp_path / "python")), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(np.asarray(mask), np.asarray(other))


def test_modes_give_the_same_masks(start: Start, lossless: Path, tmp_path: Path) -> None:
    for name, *options in (("a", "--mode", "latency"), ("b", "--workers", "3"), ("c", "--workers=1", "--max-frames=5")):
        assert report(start(lossless, "--masks", name, "--threads", "1", *options))["frames"] == (
            5 if name == "c" else 7
        )
    assert pictures(tmp_path / "a") == pictures(tmp_path / "b")
    assert pictures(tmp_path / "c").items() <= pictures(tmp_path / "a").items()


@pytest.mark.parametrize("container", PIPED)
def test_a_length_that_was_never_written_is_not_missed(start: Start, tmp_path: Path, container: str) -> None:
    path = tmp_path / f"a.{container}"
    path.write_bytes(pushed(container, codec=PIPED[container]))
    found = report(start(path))
    assert (found["frames"], found["warnings"]) == (FRAMES, [])
