"""Numbers in ONNX files: one way to be written, of 64 bits or of 32, alone or in a row."""

from __future__ import annotations

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.onnx_wire import fields, has_external_data
from tests.onnx_bytes import in_tensor, message, tag, varint


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_are_protobufs(value: int) -> None:
    model = onnx.ModelProto(model_version=value, ir_version=value, graph=onnx.GraphProto())
    found = {each.number: each.value for each in fields(model.SerializeToString())}
    assert found == {1: value % 2**64, 5: value % 2**64, 7: None}


@pytest.mark.parametrize(
    ("number", "accepted"),
    [
        *((number, True) for number in (0, 2**31 - 1, 2**64 - 2**31, 2**64 - 1)),
        *((number, False) for number in (2**31, 2**57 - 1, 2**63, 2**64 - 2**31 - 1)),
    ],
)
def test_numbers_of_32_bits(number: int, accepted: bool) -> None:
    """Negative ones are written in 64."""
    row = varint(7) + varint(number) + varint(2**64 - 1)
    for content in (tag(2, 0) + varint(number), message(5, row)):
        if accepted:
            assert not has_external_data(in_tensor(content))
        else:
            with pytest.raises(ValueError, match=r"(field 2 of Tensor|a number in a row) is beyond 32 bits"):
                has_external_data(in_tensor(content))


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 70).map(lambda bits: 2**bits % 2**64), min_size=1))
def test_numbers_of_32_bits_in_a_row(numbers: list[int]) -> None:
    content = in_tensor(message(5, b"".join(map(varint, numbers))))
    if all(number < 2**31 or number >= 2**64 - 2**31 for number in numbers):
        assert not has_external_data(content)
    else:
        with pytest.raises(ValueError, match="in a row is beyond 32 bits"):
            has_external_data(content)


@pytest.mark.parametrize(
    "octets", [b"\xff" * 9 + b"\x02", b"\xff" * 10 + b"\x01", b"\x80" * 9 + b"\x00", b"\x80\x00"]
)
@pytest.mark.parametrize("place", ["number", "in a row"])
def test_numbers_have_one_way_to_be_written(octets: bytes, place: str) -> None:
    field = tag(7, 0) + octets if place == "number" else message(7, b"\x05" + octets)
    with pytest.raises(ValueError, match=r"longer than it need be|beyond the end"):
        has_external_data(in_tensor(field))
