"""Video files: which stream is read, what its times and its end are, whatever the file is called."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.errors import SourceError
from edgeseg.video import scheduling
from edgeseg.video.file import VideoSource
from edgeseg.video.open import open_source
from edgeseg.video.source import Ended
from edgeseg.video.span import cut

MakeVideo = Callable[..., Path]


def add_video(container: av.container.OutputContainer, size: tuple[int, int], codec: str = "libx264") -> av.VideoStream:
    stream = container.add_stream(codec, rate=25)
    assert isinstance(stream, av.VideoStream)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    return stream


def encode(container: av.container.OutputContainer, stream: av.VideoStream, count: int = 10, level: int = 20) -> None:
    with scheduling.unchanged():
        container.start_encoding()
    for number in range(count):
        image = np.full((stream.height, stream.width, 3), level * (number + 1) % 256, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
    container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("codec", "extension"),
    [("libsvtav1", "mp4"), ("libx264", "mp4"), ("libx265", "mkv"), ("libvpx-vp9", "webm"), ("libvpx", "mkv"),
     ("mpeg4", "avi"), ("mpeg2video", "ts"), ("mjpeg", "avi"), ("ffv1", "mkv"), ("rawvideo", "avi"), ("prores", "mov")],
)  # fmt: skip
def test_every_codec_that_ffmpeg_has(tmp_path: Path, codec: str, extension: str) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no encoder {codec}")
    with av.open(str(tmp_path / f"a.{extension}"), "w") as container:
        stream = add_video(container, (64, 64), codec)
        stream.pix_fmt = {"mjpeg": "yuvj420p", "prores": "yuv422p10le"}.get(codec, "yuv420p")
        encode(container, stream)
    with open_source(tmp_path / f"a.{extension}") as source:
        frames = list(source)
    assert len(frames) == 10
    assert np.allclose([frame.image.mean() for frame in frames], [20 * (n + 1) for n in range(10)], atol=5)
    assert np.allclose(np.diff([frame.timestamp for frame in frames]), 0.04, atol=1.1e-3)
    assert not source.warnings


def test_threads_of_the_decoder_change_nothing(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mp4", count=30, size=(320, 240))
    one, four = (list(open_source(path, decoder_threads=threads)) for threads in (1, 4))
    assert [frame.timestamp for frame in one] == [frame.timestamp for frame in four]
    assert all((left.image == right.image).all() for left, right in zip(one, four, strict=True))


def test_bottom_up_bgr_of_machine_vision(tmp_path: Path) -> None:
    """Uncompressed AVI as Windows programs write it: BGR, the last line first."""
    image = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 8, 6, "bgr24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    with open_source(tmp_path / "a.avi") as source:
        (frame,) = source
    assert (frame.image == image).all()
    frame.image[:] = 0


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


def test_the_largest_stream_is_read_not_the_preview_before_it(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        preview, whole = add_video(container, (32, 24)), add_video(container, (64, 48))
        encode(container, preview)
        encode(container, whole)
    with open_source(tmp_path / "a.mkv") as source:
        assert (source.width, source.height) == (64, 48)
        assert len(list(source)) == 10


def test_a_cover_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        sound = container.add_stream("aac", rate=8000)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic.value  # type: ignore[assignment]
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.rate = 8000
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")))
        container.mux(cover.encode(None))
    with pytest.raises(SourceError, match="holds sound, but no video"):
        open_source(tmp_path / "a.mp4")


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


def test_a_change_of_size_is_followed(tmp_path: Path, make_video: MakeVideo) -> None:
    sizes = [(64, 48), (96, 64), (48, 96)]
    pieces = [make_video(tmp_path / f"{n}.ts", size=size).read_bytes() for n, size in enumerate(sizes)]
    (tmp_path / "a.ts").write_bytes(b"".join(pieces))
    with open_source(tmp_path / "a.ts") as source:
        frames = list(source)
    assert [frame.image.shape[1::-1] for frame in frames] == [size for size in sizes for _ in range(20)]
    assert np.allclose(np.diff([frame.timestamp for frame in frames]), 0.04, atol=0.05)
    assert not source.warnings


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


def held(path: Path) -> Path:
    """Ten frames in a third of a second, the last of which stays for ten, as phones film a screen that stands still."""
    with av.open(str(path), "w") as container:
        stream = add_video(container, (64, 48), "libvpx-vp9" if path.suffix == ".webm" else "libx264")
        stream.codec_context.options = {"g": "5", "bf": "0"} if path.suffix != ".webm" else {"lag-in-frames": "0"}
        packets = []
        for _ in range(10):
            packets += stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24"))
        packets += stream.encode(None)
        for packet in packets:
            packet.duration = round((10 if packet is packets[-1] else 0.04) / packet.time_base)
            container.mux(packet)
    return path


@pytest.mark.parametrize("extension", ["mp4", "mkv", "webm"])
def test_a_last_frame_that_stays_is_no_early_end(tmp_path: Path, extension: str) -> None:
    with open_source(held(tmp_path / f"a.{extension}")) as source:
        assert len(list(source)) == 10
    assert isinstance(source, VideoSource)
    assert source.length == pytest.approx(10.36, abs=0.01)
    assert (source.warnings, source.ended_early) == ([], False)


def two_clocks(folder: Path, first: float, second: float) -> Path:
    """Two recordings in MPEG-TS, joined, of ten frames each, whose clocks begin at so many seconds."""
    for name, start in (("first", first), ("second", second)):
        with av.open(str(folder / name), "w", format="mpegts", options={"output_ts_offset": str(start)}) as container:
            encode(container, add_video(container, (64, 48), "mpeg2video"))
    (folder / "a.ts").write_bytes((folder / "first").read_bytes() + (folder / "second").read_bytes())
    return folder / "a.ts"


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


def combed(number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A bright bar that moves 8 pixels a field: the odd lines are a moment later."""
    image = np.full((64, 128, 3), 30, np.uint8)
    for field in (0, 1):
        left = 8 * (2 * number + field) % 96
        image[field::2, left : left + 24] = 220
    return image


@pytest.mark.parametrize("codec", ["mpeg2video", "libx264"])
def test_interlaced_frames_become_progressive(tmp_path: Path, codec: str) -> None:
    """The comb goes: neighbouring lines agree again, as many frames as before, their times too."""
    with av.open(str(tmp_path / "a.ts"), "w") as container:
        stream = add_video(container, (128, 64), codec)
        flags = av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
        stream.codec_context.flags |= flags
        stream.codec_context.options = {"crf": "5", "x264-params": "tff=1"} if codec == "libx264" else {"qmax": "2"}
        for number in range(12):
            frame = av.VideoFrame.from_ndarray(combed(number), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_source(tmp_path / "a.ts") as source:
        frames = list(source)
    combs = [np.abs(frame.image[1::2].astype(int) - frame.image[::2]).mean() for frame in frames]
    stored = np.mean([np.abs(combed(n)[1::2].astype(int) - combed(n)[::2]).mean() for n in range(12)])
    assert len(frames) == 12
    assert np.mean(combs) < 0.35 * stored
    assert np.allclose(np.diff([frame.timestamp for frame in frames]), 0.04, atol=1e-3)


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


def test_numbered_images(tmp_path: Path) -> None:
    import cv2

    for number in (1, 2, 10, 1000):
        cv2.imwrite(str(tmp_path / f"img{number:03d}.png"), np.full((4, 5, 3), number % 256, np.uint8))
    cv2.imwrite(str(tmp_path / "img1.png"), np.zeros((4, 5, 3), np.uint8))
    with open_source(tmp_path / "img%03d.png") as source:
        assert [frame.name for frame in source] == ["img001", "img002", "img010", "img1000"]
    with pytest.raises(SourceError, match="no file has a name like"):
        open_source(tmp_path / "none%d.png")


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


def test_damage_to_a_transport_stream_ends_in_no_error_of_others(tmp_path: Path, make_video: MakeVideo) -> None:
    """In a table of its streams it makes others turn up in the middle, which PyAV does not know."""
    whole, frames = make_video(tmp_path / "whole.ts", count=60, size=(64, 48)).read_bytes(), 0
    for seed in range(60):
        chance, damaged = random.Random(seed), bytearray(whole)
        for _ in range(chance.randint(1, 40)):
            damaged[chance.randrange(len(whole))] = chance.randrange(256)
        (tmp_path / "a.ts").write_bytes(damaged)
        with contextlib.suppress(SourceError), open_source(tmp_path / "a.ts") as source:
            frames += len(list(source))
    assert frames > 600


@pytest.mark.parametrize("extension", ["mkv", "avi"])
def test_a_file_that_is_cut_off_is_said(tmp_path: Path, make_video: MakeVideo, extension: str) -> None:
    path = make_video(tmp_path / f"a.{extension}", count=100, size=(320, 240))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_source(path) as source:
        assert 0 < len(list(source)) < 90
    assert source.ended_early
    assert "is damaged or ends early" in source.warnings[0]


def test_frames_that_the_decoder_filled_in_are_said(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.avi", count=40, size=(320, 240))
    with open_source(path) as source:
        assert len(list(source)) == 40
    assert not source.warnings
    data, chance = bytearray(path.read_bytes()), random.Random(1)
    for _ in range(6):
        data[chance.randrange(len(data) // 4, len(data) * 3 // 4)] ^= 0x55
    path.write_bytes(data)
    with open_source(path) as source:
        assert len(list(source)) == 40
    assert any("the decoder filled in" in warning for warning in source.warnings)


def test_filled_in_frames_that_the_decoder_held_to_the_end_of_a_followed_file_are_counted(tmp_path: Path) -> None:
    path, chance = tmp_path / "a.ts", np.random.default_rng(3)
    with av.open(str(path), "w") as container:
        stream = add_video(container, (320, 240), "mpeg2video")
        for _ in range(20):
            image = chance.integers(0, 256, (240, 320, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    for at in range(len(data) - 50 * 188 + 100, len(data), 188):  # in the last frame
        data[at] ^= 0x55
    path.write_bytes(data)
    said = []
    for follow in (False, True):
        with open_source(path, follow=follow, timeout=0.3, decoder_threads=4) as source:
            assert len(list(source)) == 20
        said.append([warning for warning in source.warnings if "the decoder filled in" in warning])
    assert said[0]
    assert said[0] == said[1]


@pytest.mark.parametrize("behind", [-100, 100])
def test_an_mp4_without_its_whole_index_is_said(tmp_path: Path, make_video: MakeVideo, behind: int) -> None:
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
        assert [f"{name} is several MP4s" in each for each in source.warnings] == [True] * warnings


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
