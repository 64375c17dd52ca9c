"""Files that are damaged, cut off or no video: the same words as Python's."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.errors import SourceError
from tests.cpp.video.cases import Case, noise, write
from tests.cpp.video.readers import Video, compare, python, refusal

GARBAGE = {"text": b"no video" * 100, "zeros": bytes(5000), "a terminal's": b"\x1b[31mtext\n" * 50}


def damaged(whole: bytes) -> Iterator[bytes]:
    """The file with noise in it, seed by seed."""
    for seed in range(8):
        chance, data = random.Random(seed), bytearray(whole)
        for _ in range(chance.randint(1, 40)):
            data[chance.randrange(len(whole) // 4, len(whole))] = chance.randrange(256)
        yield bytes(data)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_damage_and_a_missing_end_are_said(cpp: Callable[..., Video], tmp_path: Path, suffix: str) -> None:
    """As Python says it; what is left of damaged frames is each decoder's own, so that is not compared."""
    path, whole = tmp_path / f"a{suffix}", tmp_path / f"whole{suffix}"
    write(whole, Case("mpeg4", suffix, (96, 64), times=tuple(range(0, 4000, 40))))
    data = whole.read_bytes()
    assert not cpp(whole).warnings
    said = filled = 0
    for content in (data[: len(data) // 2], data[: 2 * len(data) // 3], *damaged(data)):
        path.write_bytes(content)
        refusals = [refusal(read, path) for read in (cpp, python)]
        assert refusals[0] == refusals[1]
        if refusals[0]:
            continue
        ours, theirs = cpp(path), python(path)
        said += any("is damaged or ends early" in each for each in ours.warnings)
        filled += any("the decoder filled in" in each for each in ours.warnings)
        assert abs(len(ours.frames) - len(theirs.frames)) <= 2
        if len(content) < len(data):
            assert bool(ours.warnings) == bool(theirs.warnings)
    assert filled
    assert said >= 2 or suffix in {".mp4", ".ts"}  # without its end an MP4 is no video; MPEG-TS announces no length


@pytest.mark.parametrize("content", [*GARBAGE.values(), random.Random(0).randbytes(9000)], ids=[*GARBAGE, "noise"])
def test_garbage_is_refused_as_in_python(cpp: Callable[..., Video], tmp_path: Path, content: bytes) -> None:
    for suffix in (".mp4", ".mkv", ".ans", ".h264"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(content)
        assert refusal(cpp, path) == refusal(python, path) != ""


@pytest.mark.parametrize("start", [b"\0\0\0\x10ftypisom", b"\0\0\0\7mdat", b"version https://git-lfs.github.com/spec/v1"])
def test_what_the_first_bytes_say_is_said_as_in_python(cpp: Callable[..., Video], tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "a.mp4"
    for behind in (b"", bytes(4), bytes(90), b"\0\0\0\1mdat" + bytes(9), b"\0\0\0\x40moov"):
        path.write_bytes(start + behind)
        assert refusal(cpp, path) == refusal(python, path)
    assert "moov" in refusal(cpp, path) or "git lfs pull" in refusal(cpp, path)


def test_bits_that_are_not_used_are_said_as_in_python(cpp: Callable[..., Video], tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "gray16le"
        levels = np.linspace(0, 4095, 64 * 96).astype(np.uint16).reshape(64, 96)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(levels, "gray16le")))
        container.mux(stream.encode())
    compare(cpp(path), python(path))
    assert any("of which 12 are used" in each for each in cpp(path).warnings)


@pytest.mark.parametrize(("suffix", "count"), [(".asf", 10), (".wtv", 10), (".mkv", 10), (".nut", 10), (".ts", 1)])
def test_sound_that_outlasts_the_picture_is_no_damage(
    cpp: Callable[..., Video], tmp_path: Path, suffix: str, count: int
) -> None:
    path = tmp_path / f"a{suffix}"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg2video", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        sound = container.add_stream("aac", rate=8000)
        for number in range(count):
            container.mux(video.encode(av.VideoFrame.from_ndarray(noise((96, 64), number), "bgr24")))
        container.mux(video.encode())
        for _ in range(40):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 8000
            container.mux(sound.encode(silence))
        container.mux(sound.encode())
    ours = cpp(path)
    assert len(ours.frames) == count
    assert not ours.warnings


def test_sound_that_begins_long_before_the_picture_is_no_damage(cpp: Callable[..., Video], tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg2video", rate=25)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        sound = container.add_stream("aac", rate=8000)
        for _ in range(70):  # 9 s
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 8000
            container.mux(sound.encode(silence))
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(noise((96, 64), number), "bgr24")
            frame.pts, frame.time_base = 225 + number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode())
    ours = cpp(path)
    assert len(ours.frames) == 10
    assert not ours.warnings


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
