"""Masks come back bit for bit, by a reader that knows nothing of edgeseg."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.serve.recording import idle
from edgeseg.serve.recording.masks import FRACTIONS, MASKS, MaskTracks
from edgeseg.serve.recording.piece import Header, Piece
from edgeseg.video.model import Result
from tests.serve.results import START, make_result

CLASSES = ("road", "sky", "other")

Read = tuple[dict[str, str], list[float], list[NDArray[np.uint8]]]


def encode(results: list[Result | None], *, with_masks: bool = True, fractions: bool = False) -> list[Piece]:
    """Pieces of results at their own times, in files of ten seconds; None is a gap."""
    pieces: list[Piece] = []
    tracks = MaskTracks("gate", CLASSES, 10.0, pieces.append, masks=with_masks, fractions=fractions)
    for result in results:
        wait_for(lambda: not tracks._results)
        if result is None:
            tracks.gap()
        else:
            tracks.put(result, START + result.captured)
    tracks.close(30)
    assert tracks.lost == 0
    return pieces


def files(pieces: list[Piece]) -> dict[Header, bytes]:
    """What the files of these pieces hold."""
    found: dict[Header, bytes] = {}
    for piece in pieces:
        found[piece.header] = found.get(piece.header, piece.header.data) + piece.data
    return found


def read(data: bytes) -> Read:
    """Metadata, times and masks of a file."""
    with av.open(io.BytesIO(data), "r") as container:
        frames = list(container.decode(video=0))
        assert all(frame.format.name == "gray" for frame in frames)
        table = {key.upper(): value for key, value in container.metadata.items()}
        return (
            table,
            [float(frame.time or 0) for frame in frames],
            [np.asarray(frame.to_ndarray(), np.uint8) for frame in frames],
        )


@pytest.mark.parametrize("size", [(1, 1), (6, 8), (47, 63), (540, 960)])
def test_masks_come_back_bit_for_bit_with_their_table(size: tuple[int, int]) -> None:
    results: list[Result] = []
    for number in range(33):
        noise = np.random.default_rng(number).integers(0, 256, size, np.uint8)
        results.append(replace(make_result(number, size), mask=noise))
    pieces = encode(list(results))
    (data,) = files(pieces).values()
    table, times, found = read(data)
    assert [mask.tobytes() for mask in found] == [
        result.mask.tobytes() for result in results if result.mask is not None
    ]
    assert times == pytest.approx([result.captured for result in results], abs=0.001)
    assert json.loads(table["EDGESEG"]) == {
        "camera": "gate",
        "start": "2026-11-28T12:00:00.000Z",
        "classes": list(CLASSES),
        "layout": "ids",
    }


def test_each_piece_is_whole() -> None:
    pieces = encode([make_result(number) for number in range(45)])
    assert len(pieces) >= 4
    at = 0
    for piece in pieces:
        _, _, found = read(piece.header.data + piece.data)
        assert len(found) == piece.frames
        assert piece.start == pytest.approx(START + at / 10)
        at += piece.frames
    assert at == 45


def test_files_are_cut_by_the_clock_by_gaps_and_by_size() -> None:
    seconds = [4.0, 5.0, 9.9, 10.0, 10.1]
    results: list[Result | None] = [make_result(number, captured=at) for number, at in enumerate(seconds)]
    results += [None, make_result(5, captured=12.0), make_result(6, (32, 16), captured=12.1)]
    found = [read(data) for data in files(encode(results)).values()]
    assert [len(shown) for _, _, shown in found] == [3, 2, 1, 1]
    starts = [json.loads(table["EDGESEG"])["start"] for table, _, _ in found]
    assert [start[17:23] for start in starts] == ["04.000", "10.000", "12.000", "12.100"]


def test_labels_that_overlap_lie_below_each_other() -> None:
    mask = np.random.default_rng(0).integers(0, 2, (3, 6, 8), np.uint8)
    result = replace(make_result(0), mask=mask, labels=CLASSES)
    pieces = encode([result], fractions=True)
    table, _, found = read(next(data for header, data in files(pieces).items() if b"matroska" in header.data))
    assert json.loads(table["EDGESEG"])["layout"] == "labels"
    assert (found[0].reshape(3, 6, 8) == mask).all()
    shares = json.loads(pieces_of(pieces, FRACTIONS)[0].data)["fractions"]
    assert shares == pytest.approx(dict(zip(CLASSES, mask.mean(axis=(1, 2)), strict=True)), abs=1e-6)


def pieces_of(pieces: list[Piece], track: str) -> list[Piece]:
    return [piece for piece in pieces if piece.track == track]


def test_fractions_are_lines() -> None:
    results = [make_result(number) for number in range(25)]
    pieces = encode(list(results), with_masks=False, fractions=True)
    assert [piece.frames for piece in pieces] == [10, 10, 5]
    assert {piece.track for piece in pieces} == {FRACTIONS}
    ((header, data),) = files(pieces).items()
    first, *rest = map(json.loads, data.decode().splitlines())
    assert json.loads(header.data) == first == {"camera": "gate", "classes": list(CLASSES)}
    for number, (line, result) in enumerate(zip(rest, results, strict=True)):
        time = datetime.fromisoformat(line["time"].replace("Z", "+00:00"))
        assert time == datetime(2026, 11, 28, 12, tzinfo=timezone.utc) + timedelta(milliseconds=100 * number)
        assert result.mask is not None
        counts = np.bincount(result.mask.ravel(), minlength=3) / result.mask.size
        assert line["fractions"] == pytest.approx(dict(zip(CLASSES, counts, strict=True)), abs=1e-6)


def test_a_camera_that_stops_has_its_last_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "SHORTEST", 0.05)
    pieces: list[Piece] = []
    tracks = MaskTracks("gate", CLASSES, 10.0, pieces.append, masks=True, fractions=True)
    tracks.put(make_result(0), START)
    wait_for(lambda: len(pieces) == 2)
    assert {piece.track for piece in pieces} == {MASKS, FRACTIONS}
    tracks.close(30)


def test_a_camera_of_few_frames_is_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """From its second frame on it is known to be slow."""
    monkeypatch.setattr(idle, "SHORTEST", 0.01)
    pieces: list[Piece] = []
    tracks = MaskTracks("gate", CLASSES, 100.0, pieces.append, masks=True, fractions=False)
    for number in range(5):
        tracks.put(make_result(number, captured=20.0 * number), START + number)
        wait_for(lambda: not tracks._results)
        time.sleep(0.1)  # in which a fixed SHORTEST would have ended the file
    tracks.close(30)
    assert len({piece.header for piece in pieces}) <= 2


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.0005)
