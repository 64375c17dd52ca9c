"""MPEG-TS that goes on with another video: each is decoded, whatever its codec and its number."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.video.joined import JoinedDecoder
from edgeseg.video.open import open_source
from edgeseg.video.source import Source
from edgeseg.video.span import cut
from tests.video.http_server import Serve, sent, sought

OPTIONS = {"libx265": {"x265-params": "log-level=none"}, "libx264": {"crf": "1"}}

Piece = tuple[str, int]
"""An encoder, and the number (PID) of its stream."""

COUNT, OTHER = 30, 0x200
"""Frames of each piece: more than the second that FFmpeg looks at to learn the rate."""


def write_piece(path: Path, codec: str, pid: int, *, sizes: tuple[tuple[int, int], ...] = ((64, 48),)) -> bytes:
    """Frames, each 8 levels lighter; of several streams beside each other the first has half as many."""
    with av.open(str(path), "w", options={"mpegts_start_pid": str(pid)}) as container:
        streams = []
        for size in sizes:
            stream = container.add_stream(codec, rate=25, options=OPTIONS.get(codec, {}))
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            streams.append(stream)
        for number in range(COUNT):
            for stream in streams[0 if number < COUNT // len(streams) else 1 :]:
                image = np.full((stream.height, stream.width, 3), 4 + 8 * number, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        for stream in streams:
            container.mux(stream.encode(None))
    return path.read_bytes()


@pytest.fixture
def join(tmp_path: Path) -> Callable[..., Path]:
    def join(*pieces: Piece) -> Path:
        data = [write_piece(tmp_path / "piece.ts", *piece) for piece in pieces]
        joined = tmp_path / "joined.ts"
        joined.write_bytes(b"".join(data))
        return joined

    return join


def levels(source: Source) -> list[int]:
    return [round((float(frame.image.mean()) - 4) / 8) for frame in source]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("codecs", [
    ("libx264", "libx264"), ("libx264", "mpeg2video"), ("libx264", "libx265", "libx264"), ("mpeg2video", "libx264"),
])  # fmt: skip
def test_videos_of_several_numbers(join: Callable[..., Path], codecs: tuple[str, ...], threads: int) -> None:
    path = join(*((codec, 0x100 + 0x100 * (at % 2)) for at, codec in enumerate(codecs)))
    with open_source(path, decoder_threads=threads) as source:
        assert levels(source) == list(range(COUNT)) * len(codecs)
        assert not source.warnings
    assert cut(path, 0.2) == ()


@pytest.mark.parametrize("codecs", [
    ("libx264", "mpeg2video"), ("libx265", "libx264"), ("libx264", "libx265", "libx264"), ("mpeg2video", "libx264"),
])  # fmt: skip
def test_one_number_whose_codec_changes(join: Callable[..., Path], codecs: tuple[str, ...]) -> None:
    """FFmpeg forgets the last frames before a change, which wait for the beginning of the next."""
    path = join(*((codec, 0x100) for codec in codecs))
    with open_source(path) as source:
        found = levels(source)
    assert len(found) >= len(codecs) * (COUNT - 2)
    assert found[-COUNT:] == list(range(COUNT))
    assert found.count(10) == len(codecs)
    assert source.height == 48
    assert not any("early" in warning or "left out" in warning for warning in source.warnings)
    assert ["goes on in another codec" in warning for warning in source.warnings].count(True) == len(codecs) - 1
    assert cut(path, 0.2) == ()


@pytest.mark.parametrize("other", [("libx264", OTHER), ("mpeg2video", 0x100)])
def test_what_is_not_followed_is_said(join: Callable[..., Path], other: Piece) -> None:
    for pieces, said in (([("libx264", 0x100), other], True), ([("libx264", 0x100)], False)):
        with open_source(join(*pieces), follow=True, timeout=0.5) as source:
            assert len(list(source)) in (COUNT, COUNT + 1)
            assert any("another video" in warning for warning in source.warnings) == said


def test_a_codec_that_changes_where_the_decoder_notices_nothing(join: Callable[..., Path]) -> None:
    """MPEG-2's passes over H.264 without a word."""
    path = join(("mpeg2video", 0x100), *[("libx264", 0x100)] * 4, ("mpeg2video", 0x100))
    with open_source(path) as source:
        assert levels(source).count(10) == 6


def test_a_stream_of_which_ffmpeg_knows_nothing_at_the_beginning(join: Callable[..., Path]) -> None:
    """As where the first video is longer than what FFmpeg looks at."""
    path = join(("libx264", 0x100), ("libx264", OTHER), ("libx264", 0x100))
    with open_source(path, options={"probesize": "2000"}) as source:
        assert levels(source) == list(range(COUNT)) * 3


def test_over_http(join: Callable[..., Path], serve: Serve) -> None:
    path = join(("libx264", 0x100), ("libx265", OTHER))
    with open_source(f"{serve(sought(path.read_bytes()))}/joined.ts") as source:
        assert levels(source) == list(range(COUNT)) * 2


def test_a_server_that_cannot_seek_is_not_asked_for_all_again(join: Callable[..., Path], serve: Serve) -> None:
    asked = []
    data = join(("libx264", 0x100)).read_bytes()

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        sent(data)(request)

    with open_source(f"{serve(answer)}/joined.ts") as source:
        assert not source.live
        assert levels(source) == list(range(COUNT))
    assert len(asked) == 1


def test_a_stream_beside_the_one_that_is_read_does_not_follow_it(tmp_path: Path) -> None:
    path = tmp_path / "two.ts"
    write_piece(path, "libx264", 0x100, sizes=((128, 96), (64, 48)))
    with open_source(path) as source:
        assert levels(source) == list(range(COUNT // 2))


def test_damage_all_over_is_not_looked_at_for_ever(join: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeseg.video.joined.MOST_DOUBTS", 0)
    path = join(("libx264", 0x100), ("mpeg2video", 0x100))
    with open_source(path) as source:
        assert isinstance(source._decoder, JoinedDecoder)  # type: ignore[attr-defined]
        list(source)
    assert any("early" in warning for warning in source.warnings)
