"""Frames of many connections as those of one source."""

from __future__ import annotations

import pytest

from edgeseg.video.supervised.numbering import SHORTEST, Numbering


def test_the_first_connection_keeps_its_numbers_and_times() -> None:
    numbering = Numbering()
    assert [numbering.place(n, n / 25, 100 + n / 25) for n in range(3)] == [(n, n / 25) for n in range(3)]


def test_a_gap_is_as_long_as_it_was_however_often_it_is_connected() -> None:
    numbering = Numbering()
    assert numbering.place(0, 5.0, 100.0) == (0, 5.0)
    for connection in range(1, 4):
        numbering.reconnect()
        numbers = [numbering.place(n, 0.04 * n, 100.0 + 60 * connection + 0.04 * n) for n in range(2)]
        assert [number for number, _ in numbers] == [2 * connection - 1, 2 * connection]
        assert [time for _, time in numbers] == pytest.approx([5.0 + 60 * connection, 5.04 + 60 * connection])


def test_a_connection_begins_after_the_one_before() -> None:
    """Frames that were sent faster than their times say, as a server's first burst is."""
    numbering = Numbering()
    numbering.place(0, 0.0, 100.0)
    numbering.place(1, 10.0, 100.5)
    numbering.reconnect()
    numbers, times = zip(numbering.place(7, 3.0, 101.0), numbering.place(8, 3.5, 101.5), strict=True)
    assert numbers == (2, 3)
    assert times == pytest.approx((10.0 + SHORTEST, 10.5 + SHORTEST))


def test_a_connection_without_a_frame_leaves_no_number_out() -> None:
    numbering = Numbering()
    numbering.reconnect()
    assert numbering.place(0, 0.0, 50.0) == (0, 0.0)
    numbering.reconnect()
    numbering.reconnect()
    assert numbering.place(0, 0.0, 53.0) == (1, 3.0)
