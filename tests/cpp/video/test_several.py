"""Files that are several, and frames that FFmpeg leaves out in silence: the same words as Python's."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from tests.cpp.video.cases import noise
from tests.cpp.video.readers import Video, compare, python

FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


def write(path: Path, codec: str = "mpeg4", options: dict[str, str] | None = None, leave_out: int = 0) -> float:
    """30 frames, every tenth a key frame, without some packets from the second of these on; gives ticks a second."""
    with av.open(str(path), "w", options=options or {}) as container:
        hevc = {"x265-params": "log-level=none:keyint=10:min-keyint=10"}
        stream = container.add_stream(codec, rate=25, options=hevc if codec == "libx265" else {"g": "10", "bf": "0"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = 96, 64
        stream.pix_fmt = "rgb24" if codec == "apng" else "yuv420p"
        packets = []
        for number in range(30):
            packets += stream.encode(av.VideoFrame.from_ndarray(noise((96, 64), number), "bgr24"))
        packets += stream.encode()
        if leave_out:
            second = [number for number, packet in enumerate(packets) if packet.is_keyframe][1]
            del packets[second : second + leave_out]
        container.mux(packets)
        assert stream.time_base is not None
        return float(1 / stream.time_base)


@pytest.mark.parametrize(("codec", "suffix", "options", "said"), [
    ("mpeg4", ".mp4", {}, "is several MP4s"),
    ("mpeg4", ".mp4", FRAGMENTS, "is several MP4s"),
    ("mpeg4", ".mkv", {}, "is several Matroska files"),
    ("flv", ".flv", {}, "is several FLVs"),
    ("libx264", ".flv", {}, "is several FLVs"),
    ("mpeg2video", ".nut", {}, "is several NUT files"),
    ("mpeg2video", ".wtv", {}, "is several WTV files"),
    ("wmv2", ".wmv", {}, "is several ASF or WMV files"),
    ("apng", ".apng", {}, "is several APNGs"),
])  # fmt: skip
def test_one_behind_the_other_is_said(
    cpp: Callable[..., Video], tmp_path: Path, codec: str, suffix: str, options: dict[str, str], said: str
) -> None:
    one, two = tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    write(one, codec, options)
    free = 5000 * b"\0\0\0\x08free" if suffix == ".mp4" else b""
    two.write_bytes(one.read_bytes() + free + one.read_bytes())
    assert cpp(one).warnings == []
    compare(cpp(two), python(two))
    assert any(said in each for each in cpp(two).warnings)


@pytest.mark.parametrize("times", [(0, 1, 2), (0, 0, 0), (0, 9, 2), (0, 0.2, 0.4)])
def test_fragments_whose_times_overlap_or_go_back_are_said(
    cpp: Callable[..., Video], tmp_path: Path, times: tuple[float, ...]
) -> None:
    path = tmp_path / "a.mp4"
    second = write(path, options=FRAGMENTS)
    before, *fragments = path.read_bytes().split(b"tfdt\1\0\0\0")
    stamped = [struct.pack(">Q", round(time * second)) + each[8:] for time, each in zip(times, fragments, strict=True)]
    path.write_bytes(b"tfdt\1\0\0\0".join([before, *stamped]))
    compare(cpp(path), python(path))
    assert any("FFmpeg leaves out" in each for each in cpp(path).warnings) == (times != (0, 1, 2))


@pytest.mark.parametrize("suffix", [".ts", ".mkv", ".h265"])
@pytest.mark.parametrize("missing", [0, 3])
@pytest.mark.parametrize("threads", [1, 2])
def test_frames_of_hevc_that_are_left_out_are_counted(
    cpp: Callable[..., Video], tmp_path: Path, suffix: str, missing: int, threads: int
) -> None:
    """FFmpeg 5.1 makes up what they refer to, and gives them; later ones drop them without a word, as PyAV's does."""
    path = tmp_path / f"a{suffix}"
    write(path, "libx265", leave_out=missing)
    for video in (cpp(path, threads), python(path, threads)):
        left_out = 30 - missing - len(video.frames)
        said = [each.partition("left out ")[2].split()[0] for each in video.warnings]
        assert said == [str(left_out)] * (left_out > 0)
    assert left_out == (7 if missing else 0)
