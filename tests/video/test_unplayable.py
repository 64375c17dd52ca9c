"""Files that are no video, or not a whole one, and what is said of them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.errors import SourceError
from edgeseg.video.open import open_source
from edgeseg.video.span import cut
from tests.video.conftest import add_video, encode


@pytest.mark.parametrize("behind", [-100, 100])
def test_an_mp4_without_its_whole_index_is_said(tmp_path: Path, make_video: Callable[..., Path], behind: int) -> None:
    path = make_video(tmp_path / "a.mp4", count=20, size=(320, 240))
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"moov") + behind])
    with pytest.raises(SourceError, match=r"a\.mp4 has no whole index \(moov\).*copy it again"):
        open_source(path)


@pytest.mark.parametrize("behind", [b"", bytes(4), b"\0\0\0\7mdat" + bytes(90), b"\0\0\0\1mdat" + bytes(90)])
def test_an_mp4_that_never_got_an_index_is_said(tmp_path: Path, behind: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x10ftypisom" + bytes(4) + behind)
    with pytest.raises(SourceError, match="has no whole index"):
        open_source(tmp_path / "a.mp4")


@pytest.mark.parametrize("options", [{}, {"movflags": "frag_keyframe+empty_moov+default_base_moof"}])
def test_mp4s_one_behind_the_other_are_said(tmp_path: Path, options: dict[str, str]) -> None:
    with av.open(str(tmp_path / "one.mp4"), "w", options=options) as container:
        encode(container, add_video(container, (64, 48)))
    one = (tmp_path / "one.mp4").read_bytes()
    (tmp_path / "two.mp4").write_bytes(one + 5000 * b"\0\0\0\x08free" + one)  # as many boxes as an hour of fragments
    for name, warnings in (("one.mp4", 0), ("two.mp4", 1)):
        with open_source(tmp_path / name) as source:
            assert len(list(source)) == 10
        assert bool(cut(tmp_path / name, 0.1)) != bool(warnings)  # in pieces, nothing would be said
        assert [f"{name} is several MP4s" in each for each in source.warnings] == [True] * warnings


@pytest.mark.parametrize("extension", ["mkv", "webm"])
def test_matroska_one_behind_the_other_is_said(tmp_path: Path, extension: str) -> None:
    pieces = []
    for size in ((64, 48), (96, 64)):
        with av.open(str(tmp_path / f"one.{extension}"), "w") as container:
            encode(container, add_video(container, size, "libx264" if extension == "mkv" else "libvpx"))
        pieces.append((tmp_path / f"one.{extension}").read_bytes())
    (tmp_path / f"two.{extension}").write_bytes(b"".join(pieces))
    for name, warnings in (("one", 0), ("two", 1)):
        with open_source(tmp_path / f"{name}.{extension}") as source:
            assert len(list(source)) == 10 * (1 + warnings)
        assert sum("is several Matroska files" in each for each in source.warnings) == warnings


@pytest.mark.parametrize("sound", [False, True])
def test_flvs_one_behind_the_other_are_said(tmp_path: Path, sound: bool) -> None:
    with av.open(str(tmp_path / "one.flv"), "w") as container:
        video, audio = add_video(container, (64, 48)), container.add_stream("aac", rate=8000) if sound else None
        encode(container, video)
        for _ in range(40):  # which outlasts the picture
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.rate = 8000
            container.mux([] if audio is None else audio.encode(silence))
    one = (tmp_path / "one.flv").read_bytes()
    (tmp_path / "two.flv").write_bytes(one + one)
    for name, warnings in (("one.flv", 0), ("two.flv", 1)):
        with open_source(tmp_path / name) as source:
            assert len(list(source)) == 10
        assert [f"{name} is several FLVs" in each for each in source.warnings] == [True] * warnings


@pytest.mark.parametrize(
    ("times", "frames", "said"),
    [
        ((0, 1, 2), 30, 0),
        ((0, 5, 6), 30, 0),
        ((0, 0, 0), 10, 20),
        ((0, 9, 2), 20, 10),
        ((0, 0.2, 0.4), 20, 10),
        ((0, 0.21, 0.6), 26, 4),
    ],
)
def test_fragments_whose_times_overlap_or_go_back_are_said(
    tmp_path: Path, times: tuple[float, ...], frames: int, said: int
) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    with av.open(str(tmp_path / "a.mp4"), "w", options=options) as container:
        video = add_video(container, (64, 48))
        video.codec_context.options = {"g": "10", "bf": "0", "sc_threshold": "0"}
        encode(container, video, 30)
        assert video.time_base is not None
        second = round(1 / video.time_base)
    before, *fragments = (tmp_path / "a.mp4").read_bytes().split(b"tfdt\1\0\0\0")
    stamped = [struct.pack(">Q", round(time * second)) + each[8:] for time, each in zip(times, fragments, strict=True)]
    (tmp_path / "a.mp4").write_bytes(b"tfdt\1\0\0\0".join([before, *stamped]))
    with open_source(tmp_path / "a.mp4") as source:
        assert len(list(source)) == frames
    assert not (said and cut(tmp_path / "a.mp4", 0.1))
    assert [f"FFmpeg leaves out {said} of" in each for each in source.warnings] == [True] * (said > 0)


@pytest.mark.parametrize(("extension", "codec"), [
    ("nut", "libx264"), ("nut", "mpeg2video"), ("wtv", "mpeg2video"), ("wmv", "wmv2"), ("asf", "mpeg4"),
    ("apng", "apng"),
])  # fmt: skip
def test_what_begins_again_is_said(tmp_path: Path, extension: str, codec: str) -> None:
    one, two = tmp_path / f"one.{extension}", tmp_path / f"two.{extension}"
    with av.open(str(one), "w") as container:
        video = add_video(container, (64, 48), codec)
        video.pix_fmt = "rgb24" if codec == "apng" else "yuv420p"
        encode(container, video)
    two.write_bytes(2 * one.read_bytes())
    for path, warnings in ((one, 0), (two, 1)):
        with open_source(path) as source:
            assert len(list(source)) >= 10
        assert sum("files, one behind" in each or "APNGs, one" in each for each in source.warnings) == warnings
        assert warnings or not source.warnings


def test_a_live_matroska_tells_no_length(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w", options={"live": "1"}) as container:
        encode(container, add_video(container, (64, 48)))
    with open_source(tmp_path / "a.mkv") as source:
        assert len(list(source)) == 10
    assert not source.warnings


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_description_of_a_stream_is_no_video(tmp_path: Path, end: str) -> None:
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=x", "c=IN IP4 127.0.0.1", "t=0 0", "m=video 5004 RTP/AVP 26", ""]
    (tmp_path / "a.sdp").write_text(end.join(lines), newline="")
    with pytest.raises(SourceError, match=r"is a description of a stream \(SDP\), no video; give the stream's own URL"):
        open_source(tmp_path / "a.sdp")


def test_a_pointer_of_git_lfs_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(SourceError, match="git lfs pull"):
        open_source(tmp_path / "a.mp4")
