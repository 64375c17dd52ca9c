"""What is decoded of a video: every codec, the right stream, sizes that change, interlaced and damaged frames."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.errors import SourceError
from edgeseg.video.open import open_source
from tests.video.conftest import add_video, encode

MakeVideo = Callable[..., Path]


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


def test_a_change_of_size_is_followed(tmp_path: Path, make_video: MakeVideo) -> None:
    sizes = [(64, 48), (96, 64), (48, 96)]
    pieces = [make_video(tmp_path / f"{n}.ts", size=size).read_bytes() for n, size in enumerate(sizes)]
    (tmp_path / "a.ts").write_bytes(b"".join(pieces))
    with open_source(tmp_path / "a.ts") as source:
        frames = list(source)
    assert [frame.image.shape[1::-1] for frame in frames] == [size for size in sizes for _ in range(20)]
    assert np.allclose(np.diff([frame.timestamp for frame in frames]), 0.04, atol=0.05)
    assert not source.warnings


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


@pytest.mark.parametrize("extension", ["ts", "mkv", "h265"])
@pytest.mark.parametrize("damaged", [False, True])
def test_frames_of_hevc_that_refer_to_missing_ones_are_said(tmp_path: Path, extension: str, damaged: bool) -> None:
    """The decoder drops them without a word."""
    path = tmp_path / f"a.{extension}"
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    options = {"x265-params": "log-level=none:keyint=12"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=25, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        packets = []
        for number in range(60):
            image = np.ascontiguousarray(np.roll(noise, (3 * number, 5 * number), (0, 1)))
            packets += stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24"))
        packets += stream.encode(None)
        keys = [number for number, packet in enumerate(packets) if packet.is_keyframe]
        if damaged:
            del packets[keys[2] : keys[2] + 3]
        container.mux(packets)
    with open_source(path) as source:
        frames = len(list(source))
    assert (frames == 60) != damaged
    assert any("for lack of frames before" in each for each in source.warnings) == damaged
