"""Recordings: whole or absent, right in time, and playable after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg.errors import OutputError
from edgeseg.video.writer import CONTAINERS, MaskWriter, PictureWriter, VideoWriter

RATE = Fraction(30000, 1001)


def frame(level: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


def read(path: Path) -> tuple[list[float], list[NDArray[np.uint8]]]:
    """Timestamps in seconds, and BGR images."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    images = [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in frames]
    return [frame.time for frame in frames], images


@pytest.mark.parametrize("extension", sorted(CONTAINERS))
def test_video_keeps_pictures_times_and_rate(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"out{extension}"
    writer = VideoWriter(path, 64, 48, RATE)
    for number in range(90):
        assert not path.exists()
        writer.write(frame(2 * number), 5 + float(number / RATE))
    writer.close()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    times, images = read(path)
    assert np.allclose(times, [float(number / RATE) for number in range(90)], atol=0.001)
    assert all(abs(float(image.mean()) - 2 * number) < 3 for number, image in enumerate(images))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == RATE


def test_mp4_times_are_exact(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", 64, 48, RATE)
    for number in range(40):
        writer.write(frame(0), float(number / RATE))
    writer.close()
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.time_base == Fraction(1, 90000)
        assert [frame.pts for frame in container.decode(stream)] == [3003 * number for number in range(40)]
        assert container.duration == pytest.approx(40 * 3003 / 90000 * 1e6, abs=2)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=12))
def test_timestamps_strictly_increase(tmp_path_factory: pytest.TempPathFactory, times: list[float]) -> None:
    """Repeated and backward timestamps lose no frame; the others keep their time."""
    path = tmp_path_factory.mktemp("times") / "out.mp4"
    writer = VideoWriter(path, 16, 16, Fraction(25))
    for time in times:
        writer.write(frame(0, 16, 16), time)
    writer.close()
    written, _ = read(path)
    assert len(written) == len(times)
    assert (np.diff(written) > 0).all()
    latest = times[0]
    for time, shown in zip(times, written, strict=True):
        if time > latest + len(times) / 90000:
            assert shown == pytest.approx(time - times[0], abs=len(times) / 90000)
        latest = max(latest, time)


@pytest.mark.parametrize(("height", "width"), [(47, 63), (48, 63), (47, 64), (3, 5)])
def test_odd_sizes_gain_a_copy_of_the_last_pixel(tmp_path: Path, height: int, width: int) -> None:
    ramp = np.linspace(40, 200, width).astype(np.uint8)
    image = np.repeat(np.tile(ramp, (height, 1))[..., None], 3, axis=2)
    writer = VideoWriter(tmp_path / "out.mp4", width, height, Fraction(25))
    writer.write(image, 0)
    writer.close()
    _, (written,) = read(tmp_path / "out.mp4")
    assert written.shape == (height + height % 2, width + width % 2, 3)
    difference = written[:height, :width].astype(int) - image
    assert np.abs(difference).mean() < 4


def test_colours_survive(tmp_path: Path) -> None:
    """Colours are marked with the matrix that they were converted by; a mismatch moves them by tens of levels."""
    colours = np.array([(0, 0, 220), (0, 220, 0), (220, 0, 0), (30, 200, 230)], np.uint8)
    image = np.repeat(np.repeat(colours[None], 64, axis=0), 16, axis=1)
    writer = VideoWriter(tmp_path / "out.mp4", 64, 64, Fraction(25))
    writer.write(image, 0)
    writer.close()
    _, (written,) = read(tmp_path / "out.mp4")
    assert np.abs(written[32, 8::16].astype(int) - colours).max() <= 6


def test_discard_leaves_nothing(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", 64, 48, RATE)
    writer.write(frame(0), 0)
    writer.discard()
    assert not list(tmp_path.iterdir())


def test_discard_keeps_an_older_recording(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("older")
    VideoWriter(tmp_path / "out.mp4", 64, 48, RATE).discard()
    assert (tmp_path / "out.mp4").read_text() == "older"


def test_video_without_frames_is_no_file(tmp_path: Path) -> None:
    VideoWriter(tmp_path / "out.mp4", 64, 48, RATE).close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none/out.mp4", "no such folder"),
        ("out.gif", "ends in .gif"),
        (f"{'x' * 300}.mp4", "too long"),
        ("out", "no extension"),
        ("folder.mp4", "folder"),
    ],
)
def test_video_that_cannot_be_written(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OutputError, match=message):
        VideoWriter(tmp_path / name, 64, 48, RATE)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mp4"]


def test_frame_of_another_size(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", 64, 48, RATE)
    with pytest.raises(OutputError, match=r"a frame is 32x24 pixels and the video .* is 64x48"):
        writer.write(frame(0, 24, 32), 0)
    writer.discard()


RECORD_FOR_EVER = """
import sys, time, numpy as np
from fractions import Fraction
from pathlib import Path
from edgeseg.video.writer import VideoWriter
writer = VideoWriter(Path(sys.argv[1]), 64, 48, Fraction(25))
for number in range(10**6):
    writer.write(np.full((48, 64, 3), number % 200, np.uint8), number / 25)
    if number == 150:
        print("recorded", flush=True)
    time.sleep(0.0005)
"""


@pytest.mark.parametrize("extension", sorted(CONTAINERS))
def test_a_killed_process_leaves_a_playable_file(tmp_path: Path, extension: str) -> None:
    command = [sys.executable, "-c", RECORD_FOR_EVER, str(tmp_path / f"out{extension}")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"recorded\n"
        os.kill(process.pid, signal.SIGKILL)
    (left,) = tmp_path.iterdir()
    assert left.name == f".out.{process.pid}.part{extension}"
    times, images = read(left)
    assert len(images) >= 100
    assert np.allclose(np.diff(times), 0.04)
    assert all(abs(float(image.mean()) - number) < 3 for number, image in enumerate(images[:200]))


def test_masks_are_lossless(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).integers(0, 256, (37, 53), np.uint8)
    writer = MaskWriter(tmp_path / "new" / "masks")
    writer.write(mask, 42)
    writer.write(mask, 43, "photo.a")
    writer.close()
    for name in ("000042.png", "photo.a.png"):
        written = cv2.imread(str(tmp_path / "new" / "masks" / name), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(np.asarray(written), mask)
    assert len(list((tmp_path / "new" / "masks").iterdir())) == 2


def test_masks_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "masks").touch()
    for name in ("masks", "x" * 300):
        with pytest.raises(OutputError, match="cannot make the folder"):
            MaskWriter(tmp_path / name)


def test_discarding_masks_removes_an_empty_folder_of_its_own(tmp_path: Path) -> None:
    MaskWriter(tmp_path / "masks").discard()
    assert not list(tmp_path.iterdir())
    MaskWriter(tmp_path).discard()
    assert tmp_path.is_dir()


def test_picture(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    PictureWriter(tmp_path / "a.png").write(image)
    assert np.array_equal(np.asarray(cv2.imread(str(tmp_path / "a.png"))), image)
    with pytest.raises(OutputError, match=r"a\.mp4: it ends in \.mp4, expected \.png"):
        PictureWriter(tmp_path / "a.mp4")
