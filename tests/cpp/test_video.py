"""edgeseg-run's reader of files against Python's: every bit of every frame, the times, and what is said in the end.

Python decodes with the FFmpeg that PyAV brings along, edgeseg-run with the system's: no code is shared, and pictures
are full of noise, which no other rounding survives.
"""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from edgeseg.arrays import Image
from edgeseg.errors import SourceError
from edgeseg.video import scheduling
from edgeseg.video.open import open_source

SECONDS = 60.0
"""After which a test gives up."""


@dataclass(frozen=True)
class Case:
    """A video to be written.

    Attributes:
        codec: FFmpeg's encoder.
        suffix: of the container.
        size: width and height as stored, in pixels.
        format: of the pixels.
        options: of the encoder.
        facts: of the codec's context, such as its colours.
        turn: a, b, c, d of the display matrix.
        times: of the frames, in milliseconds.
    """

    codec: str = "ffv1"
    suffix: str = ".mkv"
    size: tuple[int, int] = (96, 64)
    format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    turn: tuple[int, int, int, int] | None = None
    times: tuple[int, ...] = (0, 40, 80, 120)


H264 = Case("libx264", ".mp4", options={"crf": "12", "preset": "veryfast"})
LIMITED, FULL = 1, 2
BT709, BT601, BT2020 = 1, 6, 9
QUARTER, HALF, THREE, MIRROR, TRANSVERSE = (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0), (-1, 0, 0, 1), (0, -1, -1, 0)

CASES = {
    "h264": H264,
    "h264 in mkv": replace(H264, suffix=".mkv"),
    "h264 in ts": replace(H264, suffix=".ts"),
    "h264 in avi": replace(H264, suffix=".avi"),
    "h264 of 10 bits": replace(H264, format="yuv420p10le"),
    "h264 422": replace(H264, format="yuv422p"),
    "h264 444": replace(H264, format="yuv444p"),
    "h264 grey": replace(H264, format="gray"),
    "h264 full range": replace(H264, facts={"color_range": FULL, "colorspace": BT709}),
    "h264 BT.709": replace(H264, facts={"color_range": LIMITED, "colorspace": BT709}),
    "h264 BT.2020 of 10 bits": replace(
        H264, format="yuv420p10le", facts={"color_range": LIMITED, "colorspace": BT2020}
    ),
    "hevc": Case("libx265", ".mp4", options={"x265-params": "log-level=none"}),
    "vp8": Case("libvpx", ".mkv"),
    "vp9": Case("libvpx-vp9", ".webm", options={"deadline": "realtime", "cpu-used": "8"}),
    "av1": Case("libsvtav1", ".mp4", options={"preset": "12"}),
    "mpeg4": Case("mpeg4", ".avi"),
    "mpeg2": Case("mpeg2video", ".ts"),
    "mjpeg": Case("mjpeg", ".avi", format="yuvj420p"),
    "mjpeg 422": Case("mjpeg", ".mkv", format="yuvj422p"),
    "mjpeg 444": Case("mjpeg", ".mov", format="yuvj444p"),
    "prores": Case("prores", ".mov", format="yuv422p10le"),
    "odd sides": Case(size=(65, 49)),
    "odd sides 422": Case(size=(65, 49), format="yuv422p"),
    "odd sides 444": Case(size=(65, 49), format="yuv444p"),
    "odd sides bgr": Case(size=(65, 49), format="bgr0"),
    "odd height": Case(size=(64, 49)),
    "odd sides 411": Case(size=(65, 49), format="yuv411p"),
    "two pixels": Case(size=(2, 2)),
    "odd sides BT.709": Case(size=(65, 49), facts={"color_range": LIMITED, "colorspace": BT709}),
    "odd sides full range": Case(size=(65, 49), facts={"color_range": FULL, "colorspace": BT601}),
    "grey": Case(format="gray"),
    "grey of 10 bits": Case(format="gray10le"),
    "grey of 16 bits": Case(format="gray16le"),
    "10 bits": Case(format="yuv420p10le"),
    "12 bits 422": Case(format="yuv422p12le"),
    "16 bits 444": Case(format="yuv444p16le"),
    "alpha": Case(format="yuva420p"),
    "bgra": Case(format="bgra"),
    "rgb of 16 bits": Case(format="rgb48le"),
    "planes of rgb": Case(format="gbrp10le"),
    "raw bgr": Case("rawvideo", ".avi", format="bgr24"),
    "raw nv12": Case("rawvideo", ".nut", format="nv12"),
    "raw yuyv": Case("rawvideo", ".nut", format="yuyv422"),
    "raw uyvy": Case("rawvideo", ".nut", format="uyvy422"),
    "raw rgb24": Case("rawvideo", ".nut", format="rgb24"),
    "raw grey of odd sides": Case("rawvideo", ".nut", (65, 49), "gray"),
    "wide pixels": replace(H264, facts={"sample_aspect_ratio": Fraction(2)}),
    "high pixels": replace(H264, facts={"sample_aspect_ratio": Fraction(8, 11)}),
    "wide pixels to an odd width": replace(H264, facts={"sample_aspect_ratio": Fraction(12, 11)}),
    "wide pixels 422 of 10 bits": Case(format="yuv422p10le", facts={"sample_aspect_ratio": Fraction(32, 27)}),
    "wide pixels bgr": Case(format="bgr0", facts={"sample_aspect_ratio": Fraction(32, 27)}),
    "wide grey pixels": Case(format="gray", facts={"sample_aspect_ratio": Fraction(32, 27)}),
    "wide pixels, BT.709, full range": Case(
        facts={"sample_aspect_ratio": Fraction(3, 2), "color_range": FULL, "colorspace": BT709}
    ),
    "an aspect that cannot be": Case(facts={"sample_aspect_ratio": Fraction(9)}),
    "nearly square pixels": Case(facts={"sample_aspect_ratio": Fraction(201, 200)}),
    "a quarter turn": replace(H264, turn=QUARTER),
    "a half turn": replace(H264, turn=HALF),
    "three quarters": replace(H264, turn=THREE),
    "mirrored": replace(H264, turn=MIRROR),
    "mirrored and turned": replace(H264, turn=TRANSVERSE),
    "a quarter turn of wide pixels": replace(H264, turn=QUARTER, facts={"sample_aspect_ratio": Fraction(2)}),
    "a turn of odd sides": Case(size=(65, 49), format="bgr0", turn=THREE),
    "an uneven rate": Case(times=(0, 40, 41, 400, 2000, 2033)),
    "b-frames": Case("libx264", ".mp4", options={"bf": "3"}, times=tuple(range(0, 400, 40))),
    "b-frames in avi": Case("mpeg4", ".avi", options={"bf": "2"}, times=tuple(range(0, 400, 40))),
    "interlaced mpeg2": Case("mpeg2video", ".ts", options={"flags": "+ildct+ilme"}),
    "interlaced h264": Case("libx264", ".mp4", options={"x264-params": "tff=1"}),
    "interlaced of odd width": Case("libx264", ".mp4", (66, 64), options={"x264-params": "bff=1"}),
}


def noise(size: tuple[int, int], number: int) -> Image:
    """A picture with every level of every colour, soft and sharp edges, that moves."""
    width, height = size
    chance = np.random.default_rng(number)
    soft = np.add.outer(np.arange(height) * 5, np.arange(width) * 3)[..., None] + np.array([0, 85, 170]) + 9 * number
    picture = soft % 256
    picture[height // 3 : height // 2, width // 4 :] = chance.integers(0, 256, 3)
    picture[height // 2 :, : width // 2] = chance.integers(0, 256, (height - height // 2, width // 2, 3))
    return np.asarray(picture, np.uint8)


def write(path: Path, case: Case) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(case.codec, rate=25, options=dict(case.options))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = case.size
        stream.pix_fmt = case.format
        stream.thread_count = 1
        for name, value in case.facts.items():
            setattr(stream.codec_context, name, value)
        if case.codec == "ffv1":  # whose times are as fine as those of the container
            stream.codec_context.time_base = Fraction(1, 1000)
        if case.turn is not None:
            if not hasattr(stream, "set_display_matrix"):
                pytest.skip("PyAV before 18 writes no display matrix")
            a, b, c, d = (value * 65536 for value in case.turn)
            stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        with scheduling.unchanged():
            container.start_encoding()
        for number, at in enumerate(case.times):
            frame = av.VideoFrame.from_ndarray(noise(case.size, number), "bgr24").reformat(format=case.format)
            for name in ("color_range", "colorspace"):
                if name in case.facts:
                    setattr(frame, name, case.facts[name])
            frame.pts, frame.time_base = (at, Fraction(1, 1000)) if case.codec == "ffv1" else (number, Fraction(1, 25))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@dataclass
class Video:
    """What a reader made of a file: frames and their times, the announced rate, warnings."""

    frames: list[Image]
    times: list[float]
    fps: float
    warnings: list[str]


def python(path: Path, threads: int = 1) -> Video:
    with open_source(path, decoder_threads=threads) as source:
        read = list(source)
    fps = 0.0 if source.fps is None else float(source.fps)
    return Video([frame.image for frame in read], [frame.timestamp for frame in read], fps, source.warnings)


@pytest.fixture(scope="module")
def cpp(built: Path) -> Callable[..., Video]:
    """`cpp(path, threads)`: the same, by edgeseg-run's reader."""
    program = built / "edgeseg_frames"
    if not program.exists():
        pytest.skip("edgeseg-run was left out: it needs libavformat-dev and libswscale-dev")

    def read(path: Path, threads: int = 1) -> Video:
        done = subprocess.run([program, path, str(threads)], capture_output=True, timeout=SECONDS)
        if done.returncode == 1:
            raise SourceError(done.stderr.decode().strip())
        assert done.returncode == 0, done.stderr
        return parsed(done.stdout)

    return read


def parsed(data: bytes) -> Video:
    video = Video([], [], 0.0, [])
    while not data.startswith(b"end "):
        line, _, data = data.partition(b"\n")
        width, height, time = line.split()
        size = int(width) * int(height) * 3
        video.frames.append(np.frombuffer(data[:size], np.uint8).reshape(int(height), int(width), 3))
        video.times.append(float(time))
        data = data[size:]
    end, *video.warnings = data.decode().splitlines()
    video.fps = float(end.split()[1])
    return video


ROUGH = 2
"""Rows at the bottom that an older swscale gives a coarser chroma where it interpolates 4:2:0 vertically."""

INTERPOLATED = {
    "h264 of 10 bits",
    "h264 BT.2020 of 10 bits",
    "odd sides",
    "odd height",
    "odd sides BT.709",
    "odd sides full range",
    "10 bits",
    "raw nv12",
    "wide pixels",
    "wide pixels to an odd width",
    "a quarter turn of wide pixels",
}
"""4:2:0 that is not 8 bits of even height in square pixels: FFmpeg's loop for those has no such rows."""

COARSE = {"odd sides", "odd sides BT.709", "odd sides full range", "wide pixels to an odd width"}
"""To an odd width an older swscale interpolates 4:2:0 so coarsely everywhere."""


def compare(ours: Video, theirs: Video) -> None:
    assert [frame.shape for frame in ours.frames] == [frame.shape for frame in theirs.frames]
    for number, (one, other) in enumerate(zip(ours.frames, theirs.frames, strict=True)):
        differences = int(np.count_nonzero(one != other))
        assert differences == 0, f"of frame {number}"
    assert np.allclose(ours.times, theirs.times, atol=1e-6)
    assert ours.fps == pytest.approx(theirs.fps, rel=1e-6)
    assert ours.warnings == theirs.warnings


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_bit_is_pythons(cpp: Callable[..., Video], tmp_path: Path, case: Case) -> None:
    if case.codec not in av.codecs_available:
        pytest.skip(f"PyAV's FFmpeg has no encoder {case.codec}")
    path = tmp_path / f"a{case.suffix}"
    write(path, case)
    ours, theirs = cpp(path), python(path)
    assert len(theirs.frames) == len(case.times)
    name = next(name for name, each in CASES.items() if each is case)
    for video in (ours, theirs):
        if name in INTERPOLATED:
            video.frames = [frame[:-ROUGH] if case.turn is None else frame[:, ROUGH:] for frame in video.frames]
        if name.startswith("interlaced"):  # at the first frame, which has none before it, bwdif's versions differ
            del video.frames[0], video.times[0]
    if name in COARSE:
        differences = [np.abs(one.astype(int) - other) for one, other in zip(ours.frames, theirs.frames, strict=True)]
        assert max(each.mean() for each in differences) < 8  # of noise; nothing is out of place
        ours.frames = theirs.frames
    compare(ours, theirs)


def test_threads_of_the_decoder_change_nothing(cpp: Callable[..., Video], tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write(path, CASES["b-frames"])
    compare(cpp(path, 3), python(path))


def test_a_change_of_size_is_followed(cpp: Callable[..., Video], tmp_path: Path) -> None:
    for name, size in (("a.ts", (64, 48)), ("b.ts", (32, 64))):
        write(tmp_path / name, Case("mpeg2video", ".ts", size))
    joined = tmp_path / "joined.ts"
    joined.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    theirs = python(joined)
    assert {frame.shape for frame in theirs.frames} == {(48, 64, 3), (64, 32, 3)}
    compare(cpp(joined), theirs)


def test_the_largest_stream_is_read(cpp: Callable[..., Video], tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = []
        for size in ((32, 24), (64, 48), (64, 48)):
            stream = container.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "bgr0"
            streams.append(stream)
        for number in range(3):
            for place, stream in enumerate(streams):
                picture = av.VideoFrame.from_ndarray(noise((stream.width, stream.height), 9 * place + number), "bgr24")
                container.mux(stream.encode(picture.reformat(format="bgr0")))
        for stream in streams:
            container.mux(stream.encode())
    compare(cpp(path), python(path))


def damaged(whole: bytes) -> Iterator[bytes]:
    """The file with noise in it, seed by seed."""
    for seed in range(8):
        chance, data = random.Random(seed), bytearray(whole)
        for _ in range(chance.randint(1, 40)):
            data[chance.randrange(len(whole) // 4, len(whole))] = chance.randrange(256)
        yield bytes(data)


def refusal(read: Callable[[Path], Video], path: Path) -> str:
    """Why a file is refused; "" where it is not."""
    try:
        read(path)
    except SourceError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_damage_and_a_missing_end_are_said(cpp: Callable[..., Video], tmp_path: Path, suffix: str) -> None:
    """As Python says it; what is left of damaged frames is each decoder's own, so that is not compared."""
    path, whole = tmp_path / f"a{suffix}", tmp_path / f"whole{suffix}"
    write(whole, Case("mpeg4", suffix, (96, 64), times=tuple(range(0, 4000, 40))))
    data = whole.read_bytes()
    assert not cpp(whole).warnings
    said = 0
    for content in (data[: len(data) // 2], data[: 2 * len(data) // 3], *damaged(data)):
        path.write_bytes(content)
        refusals = [refusal(read, path) for read in (cpp, python)]
        assert refusals[0] == refusals[1]
        if refusals[0]:
            continue
        ours, theirs = cpp(path), python(path)
        said += any("is damaged or ends early" in each for each in ours.warnings)
        assert abs(len(ours.frames) - len(theirs.frames)) <= 2
        if len(content) < len(data):
            assert bool(ours.warnings) == bool(theirs.warnings)
    assert said >= 2 or suffix in {".mp4", ".ts"}  # without its end an MP4 is no video; MPEG-TS announces no length


GARBAGE = {"text": b"no video" * 100, "zeros": bytes(5000), "a terminal's": b"\x1b[31mtext\n" * 50}


@pytest.mark.parametrize("content", [*GARBAGE.values(), random.Random(0).randbytes(9000)], ids=[*GARBAGE, "noise"])
def test_garbage_is_refused_as_in_python(cpp: Callable[..., Video], tmp_path: Path, content: bytes) -> None:
    for suffix in (".mp4", ".mkv", ".ans", ".h264"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(content)
        assert refusal(cpp, path) == refusal(python, path) != ""


def test_sound_alone_is_said(cpp: Callable[..., Video], tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(SourceError, match="holds sound, but no video"):
        cpp(path)


def test_a_playlist_on_disk_reaches_no_network(cpp: Callable[..., Video], tmp_path: Path) -> None:
    path = tmp_path / "a.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError, match="no video"):
        cpp(path)


def test_an_odd_angle_is_said(cpp: Callable[..., Video], tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write(path, replace(H264, turn=QUARTER))
    data = path.read_bytes()
    before = struct.pack(">5i", 0, 65536, 0, -65536, 0)
    assert data.count(before) == 1
    path.write_bytes(data.replace(before, struct.pack(">5i", 52429, 39322, 0, -39322, 52429)))  # cosine 0.8, sine 0.6
    theirs = python(path)
    assert "no quarter" in theirs.warnings[0]
    compare(cpp(path), theirs)
