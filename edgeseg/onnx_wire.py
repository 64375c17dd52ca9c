"""Looks into an ONNX file without the onnx package: does it keep weights in other files?

An ONNX file is one protobuf message: a sequence of fields, each a tag (field number and wire type) and a value.
Only the fields that lead to tensors are followed; field numbers are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator

_PATHS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA = 13
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def has_external_data(model: bytes) -> bool:
    """Tells whether any tensor of an ONNX model lies in another file.

    Raises:
        ValueError: the bytes are not a protobuf message.
    """
    pending = [("model", memoryview(model))]
    while pending:
        message, data = pending.pop()
        for number, value in _fields(data):
            if message == "tensor" and number == _EXTERNAL_DATA:
                return True
            inner = _PATHS[message].get(number)
            if inner is not None:
                pending.append((inner, value))
    return False


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yields (field number, bytes) of a message; the bytes are empty for numbers, which nobody here needs."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire, length = tag & 7, 0
        if wire == _VARINT:
            _, at = _varint(data, at)
        elif wire == _LENGTH:
            length, at = _varint(data, at)
        elif wire in (_FIXED32, _FIXED64):
            at += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {wire}")
        if at + length > len(data):
            raise ValueError("a field goes beyond the end")
        yield tag >> 3, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Reads a base-128 number at `at`; returns it and the place after it."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number goes beyond the end")
