"""edgeseg-run's reader of files against Python's: every bit of every frame, and the times.

Python decodes with the FFmpeg that PyAV brings along, edgeseg-run with the system's: no code is shared.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from tests.cpp.video.cases import CASES, H264, LIMITED, QUARTER, YCGCO, Case, noise, write
from tests.cpp.video.readers import Video, compare, python, refusal
from tests.video.conftest import add_video, encode, held, two_clocks

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


@pytest.mark.parametrize("matrix", [YCGCO, 11, 14])
def test_a_matrix_that_ffmpeg_lacks_is_refused(cpp: Callable[..., Video], tmp_path: Path, matrix: int) -> None:
    path = tmp_path / "a.mkv"
    write(path, Case(facts={"color_range": LIMITED, "colorspace": matrix}))
    assert f"names the colour matrix {matrix} (of ITU-T H.273)" in refusal(cpp, path)
    assert refusal(cpp, path) == refusal(python, path)


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


@pytest.mark.parametrize(("first", "second"), [(3600, 0), (90000, 100), (3, 0), (95440, 7200), (0, 3600)])
def test_a_clock_that_begins_anew_is_followed(
    cpp: Callable[..., Video], tmp_path: Path, first: float, second: float
) -> None:
    joined = two_clocks(tmp_path, first, second)
    compare(cpp(joined), python(joined))


@pytest.mark.parametrize("extension", ["mp4", "mkv"])
def test_a_last_frame_that_stays_is_no_early_end(cpp: Callable[..., Video], tmp_path: Path, extension: str) -> None:
    path = held(tmp_path / f"a.{extension}")
    compare(cpp(path), python(path))


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


def test_a_still_and_streams_one_behind_the_other(cpp: Callable[..., Video], tmp_path: Path) -> None:
    still, chained = tmp_path / "a.mp4", tmp_path / "a.ogg"
    with av.open(str(still), "w") as container:
        streams = [add_video(container, (64, 48)) for _ in range(2)]
        for stream, count in zip(streams, (1, 3), strict=True):
            encode(container, stream, count)
    write(chained, Case("libvpx", ".ogg"))
    chained.write_bytes(2 * chained.read_bytes())
    for path, count in ((still, 3), (chained, 8)):
        theirs = python(path)
        assert (len(theirs.frames), theirs.warnings) == (count, [])
        compare(cpp(path), theirs)


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
