from __future__ import annotations

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from edgeseg.serve.recording.piece import Header, Piece, PieceQueue

HEADER = Header(b"header")


def piece(number: int, frames: int = 1, track: str = "plain") -> Piece:
    return Piece(track, HEADER, bytes([number]), frames, float(number), float(number))


@given(st.integers(1, 5), st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 30)), max_size=12))
def test_the_newest_stay_and_the_others_are_counted(length: int, put: list[tuple[str, int]]) -> None:
    queue = PieceQueue(length)
    for number, (track, frames) in enumerate(put):
        queue.put(piece(number, frames, track))
    stay = [each.data[0] for each in queue.waiting()]
    assert stay == list(range(len(put)))[-length:]
    assert [each.data[0] for each in iter(lambda: queue.next(0.0), None)] == stay
    for track in "ab":
        lost = sum(frames for name, frames in put[: max(0, len(put) - length)] if name == track)
        assert queue.lost.get(track, 0) == lost


def test_what_waits_can_be_had_after_the_end() -> None:
    queue = PieceQueue(3)
    queue.put(piece(1))
    queue.close()
    queue.put(piece(2))
    assert [each.data for each in queue.waiting()] == [b"\1"]
    assert queue.next() is not None
    assert queue.next() is None
    assert queue.closed


def test_the_end_wakes_a_reader() -> None:
    queue = PieceQueue(3)
    got: list[Piece | None] = []
    reader = threading.Thread(target=lambda: got.append(queue.next()))
    reader.start()
    time.sleep(0.05)
    queue.close()
    reader.join(10)
    assert got == [None]
