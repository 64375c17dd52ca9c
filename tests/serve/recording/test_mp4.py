"""Boxes, against FFmpeg's own writer and reader."""

from __future__ import annotations

import io

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.serve.recording import mp4
from edgeseg.serve.recording.encoder import FragmentEncoder
from edgeseg.serve.recording.piece import Piece
from tests.serve.results import START, decode, make_result


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    found: list[Piece] = []
    encoder = FragmentEncoder("plain", 64, 48, 10, found.append)
    for number in range(35):
        encoder.write(make_result(number).frame, START + 0.4 + number / 10, number / 10)
    encoder.close()
    return found


def times(data: bytes) -> list[float]:
    """Of the frames, by FFmpeg."""
    return [float(frame.time or 0) for frame in decode(data)]


def test_fields_of_a_fragment(pieces: list[Piece]) -> None:
    for piece in pieces:
        shown = times(piece.header.data + piece.data)
        assert len(shown) == mp4.sample_count(piece.data) == piece.frames
        assert mp4.decode_time(piece.data) == round(mp4.TICKS * shown[0])


def test_codec(pieces: list[Piece]) -> None:
    with av.open(io.BytesIO(pieces[0].header.data + pieces[0].data), "r") as container:
        extradata = container.streams.video[0].codec_context.extradata
    assert extradata is not None
    assert mp4.codec(pieces[0].header.data) == f"avc1.{extradata[1]:02x}{extradata[2]:02x}{extradata[3]:02x}"


def test_an_earlier_fragment(pieces: list[Piece]) -> None:
    piece = pieces[2]
    start = mp4.decode_time(piece.data)
    before = times(piece.header.data + piece.data)
    moved = times(piece.header.data + mp4.earlier(piece.data, start))
    assert moved == pytest.approx([time - before[0] for time in before])
    assert mp4.decode_time(mp4.earlier(piece.data, start + 5)) == 0


@given(st.binary(max_size=200))
def test_bytes_that_are_no_mp4(data: bytes) -> None:
    for kind, start, end in mp4.boxes(data):
        assert 0 <= start < end <= len(data)
        assert len(kind) == 4
    for read in (mp4.codec, mp4.sample_count, mp4.decode_time):
        if b"avcC" not in data and b"trun" not in data and b"tfdt" not in data:
            with pytest.raises(ValueError, match="box in"):
                read(data)
