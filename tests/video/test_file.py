"""Video files: what their times and their end are, whatever the file is called."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.errors import SourceError
from edgeseg.video.file import VideoSource
from edgeseg.video.open import open_source
from edgeseg.video.source import Ended
from edgeseg.video.span import cut
from tests.video.conftest import add_video, encode, held, two_clocks

MakeVideo = Callable[..., Path]


@pytest.mark.parametrize(("extension", "codec", "count"), [
    ("mkv", "mpeg2video", 10), ("mp4", "mpeg2video", 10), ("ts", "mpeg2video", 10), ("asf", "mpeg2video", 10),
    ("wtv", "mpeg2video", 10), ("mkv", "libx264", 1), ("mp4", "libx264", 1),  # a talk with one still
    ("nut", "mpeg2video", 10), ("nut", "libx264", 2), ("ts", "libx264", 2),
])  # fmt: skip
def test_sound_that_outlasts_the_picture_is_no_damage(tmp_path: Path, extension: str, codec: str, count: int) -> None:
    with av.open(str(tmp_path / f"a.{extension}"), "w") as container:
        video = add_video(container, (64, 48), codec)
        sound = container.add_stream("aac", rate=8000)
        encode(container, video, count)
        for _ in range(40):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.rate = 8000
            container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    with open_source(tmp_path / f"a.{extension}") as source:
        assert len(list(source)) == count
    assert not source.warnings
    assert not source.ended_early
    assert source.ended == Ended("end_of_file")


@pytest.mark.parametrize("extension", ["mkv", "webm", "mp4"])
def test_sound_that_begins_long_before_the_picture_is_no_damage(tmp_path: Path, extension: str) -> None:
    web = extension == "webm"
    with av.open(str(tmp_path / f"a.{extension}"), "w") as container:
        video = add_video(container, (64, 48), "libvpx" if web else "libx264")
        sound = container.add_stream("libopus" if web else "aac", rate=48000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 480), np.float32), format="flt", layout="mono")
        silence.rate = 48000
        resampler = av.AudioResampler(sound.codec_context.format, "mono", 48000, sound.codec_context.frame_size or 1024)
        for _ in range(900):  # hundredths of a second
            container.mux([packet for frame in resampler.resample(silence) for packet in sound.encode(frame)])
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
            frame.pts, frame.time_base = 225 + number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    with open_source(tmp_path / f"a.{extension}") as source:
        assert isinstance(source, VideoSource)
        assert len(list(source)) == source.frame_count == 10
        assert source.start_time > 8
    assert not source.warnings


@pytest.mark.parametrize(
    "name", ["2026-11-24T12:30:00.mp4", "pipe:1.mp4", "http:a.mp4", "img%04d.mp4", "concat:a|b.mp4"]
)
def test_names_that_mean_something_else_to_ffmpeg(
    tmp_path: Path, make_video: MakeVideo, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_video(tmp_path / "a.mp4").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for written in (name, f"./{name}", Path(name), tmp_path / name):
        with open_source(written) as source:
            assert len(list(source)) == 20


def test_name_that_is_no_utf8(tmp_path: Path, make_video: MakeVideo) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    make_video(tmp_path / "a.mp4").rename(path)
    with open_source(path) as source:
        assert len(list(source)) == 20


def test_times_of_an_uneven_video(tmp_path: Path) -> None:
    times = [0, 40, 1000, 1040, 5000, 5010]
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = add_video(container, (64, 48))
        stream.codec_context.time_base = Fraction(1, 1000)
        for at in times:
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
            frame.pts, frame.time_base = at + 700, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_source(tmp_path / "a.mkv") as source:
        assert np.allclose([frame.timestamp for frame in source], np.array(times) / 1000, atol=1e-3)


@pytest.mark.parametrize("extension", ["mp4", "mkv", "webm"])
def test_a_last_frame_that_stays_is_no_early_end(tmp_path: Path, extension: str) -> None:
    with open_source(held(tmp_path / f"a.{extension}")) as source:
        assert len(list(source)) == 10
    assert isinstance(source, VideoSource)
    assert source.length == pytest.approx(10.36, abs=0.01)
    assert (source.warnings, source.ended_early) == ([], False)


@pytest.mark.parametrize(
    ("first", "second", "step"),
    [(3600, 0, 0.04), (90000, 100, 0.04), (3, 0, 0.04), (95440, 7200, 0.04), (0, 3600, 3600), (95441.5, 10, 13.0)],
    ids=["an hour back", "a day back", "back", "near the end", "an hour on", "a wrap in a gap"],
)
def test_a_clock_that_begins_anew_is_no_wrap_of_26_hours(
    tmp_path: Path, first: float, second: float, step: float
) -> None:
    path = two_clocks(tmp_path, first, second)
    with open_source(path) as source:
        steps = np.diff([frame.timestamp for frame in source])
    assert len(steps) == 19
    assert steps[9] == pytest.approx(step, abs=1.5 if step > 1 else 1e-3)
    assert np.allclose(np.delete(steps, 9), 0.04, atol=1e-3)
    assert not source.warnings
    if step < 1:
        assert source.frame_count in (10, 19)  # those of one clock, or the estimate of both
        assert not cut(path, 0.1)


def test_a_growing_file_is_followed(tmp_path: Path, make_video: MakeVideo) -> None:
    data = make_video(tmp_path / "whole.ts", count=60, size=(320, 240)).read_bytes()
    growing = tmp_path / "a.ts"
    growing.write_bytes(data[: len(data) // 2])

    def write_the_rest() -> None:
        with growing.open("ab") as file:
            for start in range(len(data) // 2, len(data), 4000):
                time.sleep(0.05)
                file.write(data[start : min(start + 4000, len(data))])
                file.flush()

    writer = threading.Thread(target=write_the_rest)
    with open_source(growing, follow=True, timeout=1) as source:
        writer.start()
        assert len(list(source)) == 60
    writer.join()
    assert not source.warnings


def test_a_file_that_grew_is_said(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.ts")
    with open_source(path) as source:
        with path.open("ab") as file:
            file.write(bytes(188))
        assert len(list(source)) == 20
    assert source.warnings == [
        f"{path} grew while it was read, and what came late may be missing; --follow waits for more"
    ]


def test_a_playlist_on_disk_reaches_no_network(tmp_path: Path) -> None:
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError, match="is no video"):
        open_source(tmp_path / "a.m3u8")


def test_options_reach_ffmpeg(tmp_path: Path, make_video: MakeVideo) -> None:
    """And one that keeps it from opening the file is named."""
    make_video(tmp_path / "a.mkv")
    with pytest.raises(SourceError, match=r"a\.mkv can be opened, but not with the option format_whitelist \("):
        open_source(tmp_path / "a.mkv", options={"format_whitelist": "avi"})
    (tmp_path / "b.mkv").write_bytes(b"no video")
    with pytest.raises(SourceError, match="is no video"):
        open_source(tmp_path / "b.mkv", options={"probesize": "5000"})


@pytest.mark.parametrize("extension", ["mkv", "avi"])
def test_a_file_that_is_cut_off_is_said(tmp_path: Path, make_video: MakeVideo, extension: str) -> None:
    path = make_video(tmp_path / f"a.{extension}", count=100, size=(320, 240))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_source(path) as source:
        assert 0 < len(list(source)) < 90
    assert source.ended_early
    assert "is damaged or ends early" in source.warnings[0]
