"""Which stream of a container is its video."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from edgeseg.errors import SourceError
from edgeseg.video.open import open_source
from tests.video.conftest import add_video, encode


def test_the_largest_stream_is_read_not_the_preview_before_it(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        preview, whole = add_video(container, (32, 24)), add_video(container, (64, 48))
        encode(container, preview)
        encode(container, whole)
    with open_source(tmp_path / "a.mkv") as source:
        assert (source.width, source.height) == (64, 48)
        assert len(list(source)) == 10


def test_a_still_of_full_size_is_not_the_video_behind_it(tmp_path: Path) -> None:
    """As FFmpeg gives animated AVIF: it was a video of one frame, in silence."""
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        for stream, count in [(add_video(container, (64, 48)), count) for count in (1, 10)]:
            encode(container, stream, count)
    with open_source(tmp_path / "a.mp4") as source:
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


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_tiles_of_a_picture_are_no_video(tmp_path: Path) -> None:
    """A HEIC as phones write them (ISO/IEC 23008-12, 6.6.2.3), here of two JPEGs side by side."""
    tile = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    kinds = {1: b"jpeg", 2: b"jpeg", 3: b"grid"}

    def meta(at: int) -> bytes:
        places = [struct.pack(">HHHHII", item, 0, 0, 1, at, len(tile)) for item in (1, 2)]
        infos = [box(b"infe", b"\2\0\0\0", struct.pack(">HH4sB", item, 0, kind, 0)) for item, kind in kinds.items()]
        sizes = [box(b"ispe", bytes(4), struct.pack(">II", width, 64)) for width in (64, 128)]
        owners = struct.pack(">IHBBHBBHBB", 3, 1, 1, 1, 2, 1, 1, 3, 1, 2)  # items 1 and 2 have the first, 3 the second
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", 3)),
            box(b"iinf", bytes(4), struct.pack(">H", 3), *infos),
            box(b"iref", bytes(4), box(b"dimg", struct.pack(">HHHH", 3, 2, 1, 2))),
            box(b"iprp", box(b"ipco", *sizes), box(b"ipma", bytes(4), owners)),
            box(b"idat", struct.pack(">BBBBHH", 0, 0, 0, 1, 128, 64)),
            box(b"iloc", struct.pack(">IHH", 1 << 24, 0x4400, 3), *places, struct.pack(">HHHHII", 3, 1, 0, 1, 0, 8)),
        )

    brand = box(b"ftyp", b"mif1", bytes(4), b"mif1heic")
    content = brand + meta(len(brand) + len(meta(0)) + 8) + box(b"mdat", tile, tile)
    (tmp_path / "a.heic").write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.heic is a picture in tiles, .* save it as JPEG or PNG"):
        open_source(tmp_path / "a.heic")
