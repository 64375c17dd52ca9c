"""Recordings: right in time and colour, in every container and codec, one file a size, never in place of another."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeseg.errors import OutputError, UsageError
from edgeseg.temporary import Temporary
from edgeseg.video.encoders import CODECS
from edgeseg.video.recording import Recording
from edgeseg.video.timeline import STEP_BACK
from edgeseg.video.video_file import CONTAINERS

MakeVideo = Callable[..., Path]

RATE = Fraction(30000, 1001)


def frame(level: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


def read(path: Path) -> tuple[list[float], list[NDArray[np.uint8]]]:
    """Timestamps in seconds, and BGR images."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_count = 1
        frames = list(container.decode(video=0))
    images = [np.asarray(frame.to_ndarray(format="bgr24", threads=1), np.uint8) for frame in frames]
    return [frame.time for frame in frames], images


@pytest.mark.parametrize("extension", sorted(CONTAINERS))
def test_video_keeps_pictures_times_and_rate(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"out{extension}"
    recording = Recording(path, 64, 48, RATE)
    for number in range(90):
        assert not path.exists()
        recording.write(frame(2 * number), 5 + float(number / RATE))
    recording.close()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    times, images = read(path)
    assert np.allclose(times, [float(number / RATE) for number in range(90)], atol=0.001)
    assert all(abs(float(image.mean()) - 2 * number) < 3 for number, image in enumerate(images))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        codec = {".mp4": "h264", ".mkv": "h264", ".webm": "vp9"}[extension]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == (codec, "yuv420p")
        assert stream.average_rate == RATE
        assert stream.sample_aspect_ratio in (None, 1)


def test_mp4_times_are_exact(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.mp4", 64, 48, RATE)
    for number in range(40):
        recording.write(frame(0), float(number / RATE))
    recording.close()
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.time_base == Fraction(1, 90000)
        assert [frame.pts for frame in container.decode(stream)] == [3003 * number for number in range(40)]
        assert container.duration == pytest.approx(40 * 3003 / 90000 * 1e6, abs=2)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, STEP_BACK, width=32), min_size=1, max_size=12))
def test_timestamps_strictly_increase(tmp_path_factory: pytest.TempPathFactory, times: list[float]) -> None:
    """Repeated and backward timestamps lose no frame; the others keep their time."""
    path = tmp_path_factory.mktemp("times") / "out.mp4"
    recording = Recording(path, 16, 16, Fraction(25))
    for time in times:
        recording.write(frame(0, 16, 16), time)
    recording.close()
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
    recording = Recording(tmp_path / "out.mp4", width, height, Fraction(25))
    recording.write(image, 0)
    recording.close()
    _, (written,) = read(tmp_path / "out.mp4")
    assert written.shape == (height + height % 2, width + width % 2, 3)
    difference = written[:height, :width].astype(int) - image
    assert np.abs(difference).mean() < 4


def test_colours_survive(tmp_path: Path) -> None:
    """Colours are marked with the matrix that they were converted by; a mismatch moves them by tens of levels."""
    colours = np.array([(0, 0, 220), (0, 220, 0), (220, 0, 0), (30, 200, 230)], np.uint8)
    image = np.repeat(np.repeat(colours[None], 64, axis=0), 16, axis=1)
    recording = Recording(tmp_path / "out.mp4", 64, 64, Fraction(25))
    recording.write(image, 0)
    recording.close()
    _, (written,) = read(tmp_path / "out.mp4")
    assert np.abs(written[32, 8::16].astype(int) - colours).max() <= 6


def test_video_without_frames_is_no_file(tmp_path: Path) -> None:
    Recording(tmp_path / "out.mp4", 64, 48, RATE).close()
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
        Recording(tmp_path / name, 64, 48, RATE)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mp4"]




@pytest.mark.parametrize("name", ["out.mp4", "link.mp4", "broken.mp4"])
def test_nothing_is_replaced_unasked(tmp_path: Path, name: str) -> None:
    older = tmp_path / "out.mp4"
    older.write_text("older")
    (tmp_path / "link.mp4").symlink_to(older)
    (tmp_path / "broken.mp4").symlink_to("nowhere")
    with pytest.raises(OutputError, match=r"already exists; .* add --overwrite"):
        Recording(tmp_path / name, 64, 48, RATE)
    recording = Recording(tmp_path / name, 64, 48, RATE, overwrite=True)
    recording.close()
    assert older.read_text() == "older"  # not a frame came, so there is nothing to replace it by
    recording = Recording(tmp_path / name, 64, 48, RATE, overwrite=True)
    recording.write(frame(0), 0)
    assert older.read_text() == "older"
    recording.close()
    assert len(read(tmp_path / name)[0]) == 1
    assert (older.read_bytes() == b"older") == (name != "out.mp4")  # a link is replaced, not what it points at
    assert recording.paths == [tmp_path / name]


def test_a_name_that_was_taken_in_the_meantime(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.mp4", 64, 48, RATE)
    recording.write(frame(0), 0)
    (tmp_path / "out.mp4").write_text("another's")
    recording.close()
    recording.close()
    assert (tmp_path / "out.mp4").read_text() == "another's"
    assert recording.paths == [tmp_path / "out.recovered-1.mp4"]
    assert "was taken" in recording.warnings[0]
    assert len(read(recording.paths[0])[0]) == 1


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_name_that_another_process_writes(tmp_path: Path, overwrite: bool) -> None:
    other = Temporary(tmp_path / "out.mp4", "part")
    with pytest.raises(OutputError, match="written by another process"):
        Recording(tmp_path / "out.mp4", 64, 48, RATE, overwrite=overwrite)
    other.release()
    Recording(tmp_path / "out.mp4", 64, 48, RATE, overwrite=overwrite).close()


def test_a_link_at_the_name_of_the_part_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / ".out.00.part.mp4").symlink_to(victim)
    monkeypatch.setattr("secrets.token_hex", lambda _: "00")
    with pytest.raises(OutputError, match="exists"):
        Recording(tmp_path / "out.mp4", 64, 48, RATE)
    assert victim.read_text() == "kept"


@pytest.mark.parametrize("overwrite", [True, False])
def test_each_size_has_a_file_of_its_own(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "out-2.mp4").write_text("older")
    recording = Recording(tmp_path / "out.mp4", 64, 48, Fraction(25), overwrite=overwrite)
    for number in range(9):
        recording.write(frame(20 * number, 24 if 3 <= number < 6 else 48), 7 + number / 25)
    recording.close()
    names = ["out.mp4", "out-2.mp4", "out-3.mp4"] if overwrite else ["out.mp4", "out-3.mp4", "out-4.mp4"]
    assert recording.paths == [tmp_path / name for name in names]
    for number, (path, height) in enumerate(zip(recording.paths, (48, 24, 48), strict=True)):
        times, images = read(path)
        assert np.allclose(times, [0, 0.04, 0.08])
        assert [image.shape for image in images] == [(height, 64, 3)] * 3
        assert abs(float(images[0].mean()) - 60 * number) < 3
    assert "64x48 pixels became 64x24" in recording.warnings[0]
    assert names[1] in recording.warnings[0]


def test_a_size_that_no_frame_has_leaves_the_name_to_the_next(tmp_path: Path) -> None:
    """As where a camera changes its size while the network loads: the frames before that were dropped."""
    (tmp_path / "out.mp4").write_text("older")
    recording = Recording(tmp_path / "out.mp4", 64, 48, Fraction(25), overwrite=True)
    for number in range(6):
        recording.write(frame(20 * number, 24 if number < 3 else 48), 7 + number / 25)
    recording.close()
    assert recording.paths == [tmp_path / "out.mp4", tmp_path / "out-2.mp4"]
    assert [image.shape[0] for path in recording.paths for image in read(path)[1]] == [24] * 3 + [48] * 3
    assert [warning[:30] for warning in recording.warnings] == ["frames of 64x24 pixels became "]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("extension", "codec"), [(".mp4", "vp8"), (".webm", "h264"), (".webm", "hevc")])
def test_codecs_that_a_container_does_not_take(tmp_path: Path, extension: str, codec: str) -> None:
    with pytest.raises(UsageError, match=f"a {extension} file does not take {codec}"):
        Recording(tmp_path / f"out{extension}", 320, 240, Fraction(25), codec=codec)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("extension", "codec"), [(suffix, codec) for suffix in CODECS for codec in CODECS[suffix]])
def test_codecs(tmp_path: Path, extension: str, codec: str, capfd: pytest.CaptureFixture[str]) -> None:
    """By the encoders of PyAV's wheel, silently."""
    path = tmp_path / f"out{extension}"
    recording = Recording(path, 320, 240, Fraction(25), codec=codec)
    ramp = np.linspace(0, 255, 320).astype(np.uint8)
    for number in range(60):
        recording.write(np.repeat(np.tile(np.roll(ramp, 4 * number), (240, 1))[..., None], 3, axis=2), number / 25)
    recording.close()
    times, images = read(path)
    assert np.allclose(times, np.arange(60) / 25, atol=0.001)
    assert np.abs(images[50].astype(float)[..., 1] - np.roll(ramp, 200)).mean() < 6
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec.canonical_name == codec
        keys = [packet.pts for packet in container.demux(video=0) if packet.is_keyframe]
    assert len(keys) >= 3  # one a second, or a fragment would be longer
    assert capfd.readouterr() == ("", "")


def test_a_key_frame_begins_every_second_however_slow_the_frames_come(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.mp4", 64, 48, Fraction(25))
    for number in range(12):
        recording.write(frame(number), number / 2)
    recording.close()
    with av.open(str(tmp_path / "out.mp4")) as container:
        keys = [packet.pts for packet in container.demux(video=0) if packet.is_keyframe]
    assert keys == [90000 * second for second in range(6)]


def test_quality(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    sizes = []
    for crf in (10, 40):
        recording = Recording(tmp_path / f"{crf}.mp4", 64, 48, RATE, crf=crf)
        recording.write(noise, 0)
        recording.close()
        sizes.append(recording.paths[0].stat().st_size)
    assert sizes[0] > 2 * sizes[1]
    with pytest.raises(UsageError, match="--crf is 99, expected 0"):
        Recording(tmp_path / "out.mp4", 64, 48, RATE, crf=99)


def test_a_clock_that_starts_anew_is_said(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.mp4", 64, 48, Fraction(25), live=True)
    for number in range(50):
        recording.write(frame(number), number / 25 + (3600 if number >= 25 else 0), 100 + number / 25)
    recording.close()
    assert read(tmp_path / "out.mp4")[0][-1] == pytest.approx(49 / 25, abs=0.001)
    assert "jumped" in recording.warnings[0]
