"""Files are cut where they should be, and whatever was written plays."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from edgeseg.serve.recording.encoder import FragmentEncoder
from edgeseg.serve.recording.names import entries
from edgeseg.serve.recording.piece import Header, Piece
from edgeseg.serve.recording.segments import Segments, finish_leftovers
from tests.serve.results import START, decode, make_result


def encode(seconds: float, start: float = START, first: int = 0) -> list[Piece]:
    """Fragments of ten frames a second."""
    pieces: list[Piece] = []
    encoder = FragmentEncoder("plain", 64, 48, 10, pieces.append)
    for number in range(first, first + round(10 * seconds)):
        encoder.write(make_result(number).frame, start + (number - first) / 10, number / 10)
    encoder.close()
    return pieces


def write(folder: Path, pieces: list[Piece], seconds: float = 10.0) -> Segments:
    segments = Segments(folder, "gate", ".mp4", seconds)
    for piece in pieces:
        segments.write(piece)
    return segments


def files(folder: Path) -> dict[str, list[float]]:
    """Names of the finished files, and times of their frames."""
    return {
        path.name: [round(float(frame.time or 0), 3) for frame in decode(path.read_bytes())]
        for path in sorted(folder.glob("[!.]*.mp4"))
    }


def times(frames: int) -> list[float]:
    return [number / 10 for number in range(frames)]


def test_files_are_cut_by_the_clock_and_each_begins_at_0(tmp_path: Path) -> None:
    segments = write(tmp_path, encode(25, START + 7))
    segments.finish()
    assert files(tmp_path) == {
        "gate-2026-11-28T12-00-07Z.mp4": times(30),
        "gate-2026-11-28T12-00-10Z.mp4": times(100),
        "gate-2026-11-28T12-00-20Z.mp4": times(100),
        "gate-2026-11-28T12-00-30Z.mp4": times(20),
    }
    assert segments.finished == 4
    assert segments.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert segments.present == 0
    assert not list(tmp_path.glob(".*"))


def test_another_header_is_another_file(tmp_path: Path) -> None:
    write(tmp_path, encode(2) + encode(2, START + 4)).finish()
    assert [len(shown) for shown in files(tmp_path).values()] == [20, 20]


def test_a_clock_that_is_set_back_an_hour(tmp_path: Path) -> None:
    first, second = encode(3), encode(3, START + 3600)
    later = encode(3, START, first=60)  # the hour again
    write(tmp_path, first + second + later).finish()
    assert list(files(tmp_path)) == [
        "gate-2026-11-28T12-00-00Z.mp4",
        "gate-2026-11-28T12-00-00Z.recovered-1.mp4",
        "gate-2026-11-28T13-00-00Z.mp4",
    ]
    assert [len(shown) for shown in files(tmp_path).values()] == [30, 30, 30]
    assert {entry.path for entry in entries(tmp_path, "gate")} == set(tmp_path.iterdir())  # they are deleted in time


def test_what_is_not_finished_has_no_name_yet_and_is_finished_later(tmp_path: Path) -> None:
    segments = write(tmp_path, encode(3))
    assert files(tmp_path) == {}
    assert finish_leftovers(tmp_path) == []  # it is alive
    assert segments._file is not None
    segments._file.release()  # as the end of its process does
    with next(tmp_path.glob(".*")).open("ab") as file:
        file.write(encode(1)[0].data[:-5])  # a fragment that was cut off
    assert len(finish_leftovers(tmp_path)) == 1
    assert list(files(tmp_path).values()) == [times(30)]


class Disk:
    """os.write with so many bytes of room."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.write = os.write

    def __call__(self, handle: int, data: Any) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = self.write(handle, data[: self.room])
        self.room -= count
        return count


@pytest.mark.parametrize("pieces_of_room", [0.5, 1, 1.5, 2.99])
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces_of_room: float) -> None:
    pieces = encode(4)
    whole, part = int(pieces_of_room), pieces_of_room % 1
    room = len(pieces[0].header.data) + sum(len(piece.data) for piece in pieces[:whole])
    disk = Disk(room + int(part * len(pieces[whole].data)))
    monkeypatch.setattr("edgeseg.serve.recording.segments.os.write", disk)
    segments = Segments(tmp_path, "gate", ".mp4", 10.0)
    for piece in pieces[:whole]:
        segments.write(piece)
    with pytest.raises(OSError, match="No space left"):
        segments.write(pieces[whole])
    assert [len(shown) for shown in files(tmp_path).values()] == ([10 * whole] if whole else [])
    assert not list(tmp_path.glob(".*"))
    disk.room = 10**9
    segments.write(pieces[whole])
    segments.finish()
    assert sum(len(shown) for shown in files(tmp_path).values()) == 10 * whole + 10


def test_a_folder_that_is_gone_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "gone", encode(1))
    assert not (tmp_path / "gone").exists()


def lines(number: int) -> Piece:
    return Piece("fractions", HEADER, f'{{"line": {number}}}\n'.encode(), 1, START + number, float(number))


HEADER = Header(b'{"camera": "gate"}\n')


@pytest.mark.parametrize(("count", "torn", "left"), [(3, b'{"li', 3), (3, b"", 3), (0, b'{"li', None)])
def test_lines_that_were_left(tmp_path: Path, count: int, torn: bytes, left: int | None) -> None:
    segments = Segments(tmp_path, "gate", "-fractions.jsonl", 60)
    for number in range(max(1, count)):
        segments.write(lines(number))
    assert segments._file is not None
    part = segments._file.path
    segments._file.release()
    text = HEADER.data + b"".join(lines(number).data for number in range(count))
    part.write_bytes(text + torn)
    sentences = finish_leftovers(tmp_path)
    if left is None:
        assert sentences == []
        assert not list(tmp_path.iterdir())
    else:
        assert len(sentences) == 1
        assert (tmp_path / "gate-2026-11-28T12-00-00Z-fractions.jsonl").read_bytes() == text
