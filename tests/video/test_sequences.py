"""MPEG-1 and MPEG-2 that change their size: no frame is forgotten. Ogg behind Ogg: no header is damage."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from edgeseg.video.open import open_source
from edgeseg.video.sequences import is_header

COUNT = 6


def write_piece(path: Path, codec: str, format: str, size: tuple[int, int], b_frames: int) -> bytes:
    with av.open(str(path), "w", format=format) as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.max_b_frames = b_frames
        for number in range(COUNT):
            image = np.full((size[1], size[0], 3), 20 + 30 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("codec", "format", "b_frames"), [
    ("mpeg2video", "mpeg2video", 0), ("mpeg2video", "mpeg2video", 2), ("mpeg1video", "mpeg1video", 2),
    ("mpeg2video", "mpeg", 0), ("mpeg2video", "mpegts", 0),
])  # fmt: skip
def test_every_frame_is_kept(tmp_path: Path, codec: str, format: str, b_frames: int, threads: int) -> None:
    sizes = [(64, 48), (48, 64), (48, 64), (96, 48)]
    pieces = [write_piece(tmp_path / "piece", codec, format, size, b_frames) for size in sizes]
    (tmp_path / "joined").write_bytes(b"".join(pieces))
    with open_source(tmp_path / "joined", decoder_threads=threads) as source:
        frames = list(source)
    assert [frame.image.shape[1::-1] for frame in frames] == [size for size in sizes for _ in range(COUNT)]
    assert [round((float(frame.image.mean()) - 20) / 30) for frame in frames] == list(range(COUNT)) * len(sizes)
    assert not source.warnings


def test_headers_among_the_frames_are_no_damage(tmp_path: Path) -> None:
    sizes = [(64, 48), (48, 64), (48, 64)]
    pieces = [write_piece(tmp_path / "piece", "libvpx", "ogg", size, 0) for size in sizes]
    (tmp_path / "joined").write_bytes(b"".join(pieces))
    with open_source(tmp_path / "joined") as source:
        shapes = [frame.image.shape[1::-1] for frame in source]
    assert shapes == [size for size in sizes for _ in range(COUNT)]
    assert not source.warnings


@pytest.mark.parametrize("first", [b"\x80theora", b"\x82theora", b"OVP80"])
def test_what_a_header_begins_with(first: bytes) -> None:
    assert is_header(av.Packet(first + bytes(30)))
    assert not is_header(av.Packet(b"\0" + first))
    assert not is_header(av.Packet())
