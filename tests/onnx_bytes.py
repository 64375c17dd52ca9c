"""The bytes of ONNX files, field by field, and odd ones too."""

from __future__ import annotations

VERSION = b"\x08\x08"
"""The field that each model begins with."""


def tag(number: int, wire: int, *, padding: int = 0) -> bytes:
    """A field's tag, as a number that is longer than it need be by some bytes."""
    octets = bytearray()
    value = number << 3 | wire
    while value >= 0x80:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    for _ in range(padding):
        octets[-1] |= 0x80
        octets.append(0)
    return bytes(octets)


def inside(*pairs: tuple[int, bytes]) -> bytes:
    """Fields of bytes (short ones)."""
    return b"".join(tag(number, 2) + bytes([len(value)]) + value for number, value in pairs)


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    return tag(value >> 3, value & 7)


def message(number: int, content: bytes) -> bytes:
    """A field that holds a message of any length."""
    return tag(number, 2) + varint(len(content)) + content


def in_tensor(content: bytes) -> bytes:
    """A model whose one tensor has these fields."""
    return VERSION + message(7, message(5, content))
