from __future__ import annotations

import math

import numpy as np
import pytest

from edgeseg.errors import OutputError
from edgeseg.serve.recording.encoder import FragmentEncoder
from edgeseg.serve.recording.piece import Piece
from tests.serve.results import START, decode, make_result


def encode(times: list[float], size: tuple[int, int] = (48, 64), offset: float = 0.0) -> list[Piece]:
    """Frames that were captured at these seconds, on a clock of the day that is `offset` later."""
    pieces: list[Piece] = []
    encoder = FragmentEncoder("plain", size[1], size[0], 10, pieces.append)
    for number, at in enumerate(times):
        encoder.write(make_result(number, size).frame, START + at + offset, 100 + at)
    encoder.close()
    return pieces


def shown(pieces: list[Piece]) -> list[tuple[float, int, tuple[int, int]]]:
    """Time, level and size of each frame; each fragment is decoded by itself: it needs no other."""
    frames = []
    for piece in pieces:
        for frame in decode(piece.header.data + piece.data):
            grey = frame.to_ndarray(format="gray")
            frames.append((float(frame.time or 0), int(np.median(grey[-8:])), (frame.height, frame.width)))
    return frames


def test_a_fragment_begins_with_each_second_of_the_clock() -> None:
    times = [number / 10 for number in range(42)]
    pieces = encode(times, offset=0.35)
    assert [piece.frames for piece in pieces] == [7, 10, 10, 10, 5]
    assert [math.floor(piece.start - START) for piece in pieces] == [0, 1, 2, 3, 4]
    assert [piece.captured for piece in pieces] == pytest.approx([100, 100.7, 101.7, 102.7, 103.7])
    assert len({id(piece.header) for piece in pieces}) == 1


def test_a_fragment_is_whole_when_the_next_second_begins() -> None:
    pieces: list[Piece] = []
    encoder = FragmentEncoder("plain", 64, 48, 10, pieces.append)
    for number in range(31):
        encoder.write(make_result(number).frame, START + number / 10, number / 10)
        assert len(pieces) == number // 10
    encoder.close()


def test_every_frame_is_there_with_its_time() -> None:
    times = [0.0, 0.2, 0.21, 1.0, 1.7, 5.3, 5.4]
    frames = shown(encode(times))
    assert [time for time, _, _ in frames] == pytest.approx(times, abs=1e-4)
    levels = [level for _, level, _ in frames]
    assert np.abs(np.diff(levels) - 0.86).max() <= 2  # levels rise by one a frame, 219 steps for 255


def test_the_clock_of_the_day_may_jump() -> None:
    pieces: list[Piece] = []
    encoder = FragmentEncoder("plain", 64, 48, 10, pieces.append)
    for number in range(20):
        jump = -3600 if number >= 10 else 0
        encoder.write(make_result(number).frame, START + number / 10 + jump, number / 10)
    encoder.close()
    assert [time for time, _, _ in shown(pieces)] == pytest.approx([number / 10 for number in range(20)], abs=1e-4)
    assert [piece.start - START for piece in pieces] == pytest.approx([0, -3599])


def test_odd_sizes_gain_a_pixel() -> None:
    assert [size for _, _, size in shown(encode([0.0], (47, 63)))] == [(48, 64)]


def test_nothing_encoded() -> None:
    assert encode([]) == []


def test_a_size_that_no_encoder_takes() -> None:
    with pytest.raises(OutputError, match="takes no pictures of 20000x20000"):
        FragmentEncoder("plain", 20000, 20000, 10, lambda _: None)
