"""What has to be known of fragmented MP4 (ISO 14496-12 and 14496-15): its boxes, their samples, the codec, the time."""

from __future__ import annotations

from collections.abc import Iterator

TICKS = 90000
"""Of a second, in the time stamps of all fragments."""

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf")
_PREFIXES = {b"stsd": 8, b"avc1": 78}
"""Boxes that hold boxes behind fields of their own, and the bytes that those have."""


def boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each whole box at the top of `data`; what is cut off at its end is left out."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > len(data):
            return
        yield data[at + 4 : at + 8], at, at + size
        at += size


def codec(init: bytes) -> str:
    """The codec of H.264 by RFC 6381, such as avc1.42c01f: profile, constraints and level of its `avcC` box.

    Args:
        init: `ftyp` and `moov`.

    Raises:
        ValueError: there is none.
    """
    start = _find(init, b"avcC")
    return f"avc1.{init[start + 9 : start + 12].hex()}"


def sample_count(fragment: bytes) -> int:
    """Frames in a fragment, a `moof` box with its `mdat`, as its `trun` boxes say.

    Raises:
        ValueError: it has none.
    """
    at = _find(fragment, b"trun")
    return int.from_bytes(fragment[at + 12 : at + 16], "big")


def decode_time(fragment: bytes) -> int:
    """When its first frame shows, in TICKS, as its `tfdt` box says.

    Raises:
        ValueError: it has none.
    """
    at, size = _decode_time(fragment)
    return int.from_bytes(fragment[at : at + size], "big")


def earlier(fragment: bytes, ticks: int) -> bytes:
    """The fragment with its time moved to an earlier one, as far as 0.

    Raises:
        ValueError: it has none.
    """
    at, size = _decode_time(fragment)
    time = max(0, decode_time(fragment) - ticks)
    return fragment[:at] + time.to_bytes(size, "big") + fragment[at + size :]


def _decode_time(fragment: bytes) -> tuple[int, int]:
    """Where the time stands, and its bytes: four, or eight in version 1."""
    start = _find(fragment, b"tfdt")
    return start + 12, 8 if fragment[start + 8] else 4


def _find(data: bytes, wanted: bytes, start: int = 0) -> int:
    """Where the first box of a kind begins, however deep it lies."""
    at = _search(data, wanted, start, len(data))
    if at is None:
        raise ValueError(f"no {wanted.decode()} box in {len(data)} bytes of MP4")
    return at


def _search(data: bytes, wanted: bytes, start: int, end: int) -> int | None:
    for kind, first, last in boxes(data[start:end]):
        if kind == wanted:
            return start + first
        if kind in _CONTAINERS or kind in _PREFIXES:
            inner = _search(data, wanted, start + first + 8 + _PREFIXES.get(kind, 0), start + last)
            if inner is not None:
                return inner
    return None
