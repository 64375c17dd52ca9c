"""Reads the bytes of an ONNX file so strictly that every other reader finds the same in them, without the onnx package.

An ONNX file is one protobuf message: a sequence of fields, each a tag (field number and wire type) and a value. Readers
of protobuf differ in what they make of odd bytes: numbers longer than they need be, fields that nobody knows, messages
that are there twice. None of that is written by any exporter, and all of it is refused here, so that what is checked is
what a runtime loads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeseg.onnx_schema import HIGHEST, MESSAGES, ONE_OF

DEEPEST = 60
"""Messages within messages; protobuf's own readers stop at 100. A branch in a branch takes three."""

MOST_FIELDS = 10_000_000
"""In a file; networks have thousands, and each takes a microsecond."""

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_WIRES = {"int": _VARINT, "int32": _VARINT, "float": _FIXED32, "double": _FIXED64}
_BYTES = {"float": 4, "double": 8}

_FLATBUFFER = b"ORTM"
"""At byte 4 of ONNX Runtime's own format, which it would take for that whatever the rest is."""

_OTHER_FILE = frozenset({b"EPContext"})
"""Operators whose network lies in a file of its own."""


class Field(NamedTuple):
    """A field of a message.

    Attributes:
        message: the message's name in `MESSAGES`.
        number: of the field.
        value: a number as protobuf writes it, not negative; None of everything else.
        begin: place of the value's first byte.
        end: place after its last.
    """

    message: str
    number: int
    value: int | None
    begin: int
    end: int


def has_external_data(model: bytes) -> bool:
    """Tells whether anything of an ONNX model lies in another file: in any graph, branch, function or training step.

    Raises:
        ValueError: the bytes are not an ONNX model, or not written as every protobuf library writes it.
    """
    if model[4:8] == _FLATBUFFER:
        raise ValueError("it is in ONNX Runtime's own format")
    top: set[int] = set()
    external = False
    for message, number, value, begin, end in fields(model):
        if message == "Model":
            top.add(number)
        elif message == "Tensor":
            external |= number == 13 or (number == 14 and value != 0)
        elif message == "Node" and number == 4:
            external |= model[begin:end] in _OTHER_FILE
    if not {1, 7} <= top:
        raise ValueError("it has no version or no graph")
    return external


def fields(model: bytes) -> Iterator[Field]:
    """Every field of a model and of the messages in it.

    Raises:
        ValueError: they are not what ONNX defines, or written in an unusual way.
    """
    budget = MOST_FIELDS
    pending = [("Model", 0, len(model), 1)]
    while pending:
        message, at, end, depth = pending.pop()
        if depth > DEEPEST:
            raise ValueError("its messages lie too deep within each other")
        known, one_of = MESSAGES[message], ONE_OF.get(message, frozenset())
        keys = set()
        while at < end:
            tag, at = _varint(model, at, end)
            number, wire = tag >> 3, tag & 7
            field = known.get(number)
            if field is None:
                raise ValueError(f"field {number} of {message} is unknown")
            if field[0] == "*":
                kind = field[1:]
            else:
                kind = field
                key = 0 if number in one_of else number
                if key in keys:
                    raise ValueError(f"field {number} of {message} is there twice")
                keys.add(key)
            begin, value = at, None
            if wire == _LENGTH:
                length, begin = _varint(model, at, end)
                at = begin + length
            elif wire == _VARINT:
                value, at = _varint(model, at, end)
            elif wire in (_FIXED32, _FIXED64):
                at += 8 if wire == _FIXED64 else 4
            else:
                raise ValueError(f"field {number} of {message} has wire type {wire}")
            if at > end:
                raise ValueError("a field goes beyond the end")
            if wire != _WIRES.get(kind, _LENGTH):
                if wire != _LENGTH or field[0] != "*":
                    raise ValueError(f"field {number} of {message} has wire type {wire}")
                _check_packed(kind, memoryview(model)[begin:at])
            elif kind == "text":
                str(memoryview(model)[begin:at], "utf-8")
            elif kind == "int32" and value is not None and 2**31 <= value < 2**64 - 2**31:
                raise ValueError(f"field {number} of {message} is beyond 32 bits")
            elif value is not None and value > HIGHEST.get((message, number), value):
                raise ValueError(f"field {number} of {message} is {value}, which ONNX does not define")
            yield Field(message, number, value, begin, at)
            if kind in MESSAGES:
                pending.append((kind, begin, at, depth + 1))
            budget -= 1
        if budget < 0:
            raise ValueError(f"it has more than {MOST_FIELDS} fields")


def _check_packed(kind: str, data: memoryview) -> None:
    """Refuses numbers in a row that are cut off, longer than they need be, or beyond the 32 bits of their kind."""
    if kind in _BYTES:
        if len(data) % _BYTES[kind]:
            raise ValueError("a list of numbers is cut off")
        return
    octets = np.frombuffer(data, np.uint8)
    last = octets < 0x80
    ends = np.flatnonzero(last)
    if not len(ends) or ends[-1] != len(octets) - 1:
        raise ValueError("a list of numbers is cut off")
    lengths = np.diff(ends, prepend=-1)
    overlong = (octets[ends] == 0) & (lengths > 1)
    excess = (lengths > 10) | ((lengths == 10) & (octets[ends] > 1))
    if overlong.any() or excess.any():
        raise ValueError("a number is longer than it need be")
    if kind == "int32" and not _in_32_bits(octets, ends, lengths).all():
        raise ValueError("a number in a row is beyond 32 bits")


def _in_32_bits(octets: NDArray[np.uint8], ends: NDArray[np.intp], lengths: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Of numbers with their last octets at `ends`, which lie in int32; negative ones are written in 64 bits."""
    negative = lengths == 10
    negative[negative] = octets[ends[negative] - 5] & 0x78 == 0x78  # bits 31 to 34
    for back in range(1, 5):
        negative[negative] = octets[ends[negative] - back] == 0xFF
    return np.asarray((lengths < 5) | ((lengths == 5) & (octets[ends] < 0x08)) | negative, np.bool_)


def _varint(model: bytes, at: int, end: int) -> tuple[int, int]:
    """Reads a base-128 number at `at`; returns it and the place after it."""
    if at < end and model[at] < 0x80:  # nearly always
        return model[at], at + 1
    value = shift = 0
    for place in range(at, min(at + 10, end)):
        byte = model[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 or value >= 2**64:
                raise ValueError("a number is longer than it need be")
            return value, place + 1
        shift += 7
    raise ValueError("a number goes beyond the end")
