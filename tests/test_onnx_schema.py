"""Our table of ONNX's fields is ONNX's own, and what is accepted reads as protobuf reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import onnx
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from edgeseg.onnx_schema import HIGHEST, MESSAGES, ONE_OF
from edgeseg.onnx_wire import fields, has_external_data
from edgeseg.spec import Spec

MakeModel = Callable[..., onnx.ModelProto]


KINDS = {1: "double", 2: "float", 3: "int", 4: "int", 5: "int32", 9: "text", 12: "bytes", 14: "int32"}
"""protobuf's numbers of types."""


def by_reflection(message: Any) -> Iterator[tuple[str, int, int | None]]:
    """What `fields` gives, by the onnx package: name of the message, number of the field, number that is its value."""
    assert not len(UnknownFieldSet(message))
    for field, value in message.ListFields():
        for each in value if field.is_repeated else [value]:
            number = each if field.type in (3, 4, 5, 14) else None
            yield message.DESCRIPTOR.full_name, field.number, None if number is None else number % 2**64
            if field.message_type is not None:
                yield from by_reflection(each)


def by_us(content: bytes) -> Iterator[tuple[str, int, int | None]]:
    """The same by `fields`; lists of numbers that are packed are unpacked, by protobuf's rules."""
    names = schema_names()
    for message, number, value, begin, end in fields(content):
        kind = MESSAGES[message][number]
        if value is not None or kind.removeprefix("*") not in ("int", "int32", "float", "double"):
            yield names[message], number, value
            continue
        width = {"float": 4, "double": 8}.get(kind.removeprefix("*"))
        if width is not None:
            yield from [(names[message], number, None)] * (max(1, (end - begin) // width) if kind[0] == "*" else 1)
        else:
            for packed in unpacked(content[begin:end]):
                yield names[message], number, packed


def unpacked(data: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0


def schema_names() -> dict[str, str]:
    """The onnx package's names of our messages, found from ModelProto down; our table must be its own."""
    names: dict[str, str] = {}
    pending = [("Model", onnx.ModelProto.DESCRIPTOR)]
    while pending:
        ours, theirs = pending.pop()
        if ours in names:
            continue
        names[ours] = theirs.full_name
        known = MESSAGES[ours]
        assert {field.number for field in theirs.fields} <= known.keys(), theirs.full_name
        for field in theirs.fields:
            kind = known[field.number]
            assert (kind[0] == "*") is field.is_repeated, field.full_name
            assert (field.number in ONE_OF.get(ours, ())) is (field.containing_oneof is not None), field.full_name
            if field.message_type is not None:
                pending.append((kind.removeprefix("*"), field.message_type))
            else:
                assert kind.removeprefix("*") == KINDS[field.type], field.full_name
    return names


def test_the_schema_is_onnxs_own() -> None:
    assert schema_names().keys() == MESSAGES.keys()


def rich_model(spec: Spec, make_model: MakeModel) -> onnx.ModelProto:
    """With branches, functions, every kind of attribute, sparse tensors, packed numbers, types and properties."""
    model = make_model(spec)
    inner = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "branch", [], [], [])
    model.graph.node.append(helper.make_node("If", ["c"], ["d"], then_branch=inner, else_branch=inner))
    kinds: dict[str, Any] = {"f": 1.5, "i": -3, "s": b"text", "fs": [1.0, 2.0], "i8": [1, -2, 300], "ss": [b"a", b"b"]}
    model.graph.node.append(helper.make_node("Odd", ["x"], ["z"], **kinds))
    tensors = [
        helper.make_tensor("a", TensorProto.INT64, [3], [1, -1, 2**40]),
        helper.make_tensor("b", TensorProto.INT32, [2], [-5, 300]),
        helper.make_tensor("c", TensorProto.DOUBLE, [1], [0.5]),
        onnx.TensorProto(name="d", data_type=TensorProto.STRING, dims=[1], string_data=[b"word"]),
        helper.make_tensor("e", TensorProto.UINT64, [1], [2**63]),
    ]
    model.graph.initializer.extend(tensors)
    model.graph.sparse_initializer.add(values=tensors[2], indices=tensors[0], dims=[1])
    model.functions.append(helper.make_function("local", "F", ["x"], ["y"], [], [helper.make_opsetid("", 17)]))
    model.graph.value_info.append(helper.make_tensor_sequence_value_info("seq", TensorProto.FLOAT, [None, "n"]))
    model.metadata_props.add(key="key", value="välue")
    model.training_info.add().initialization.CopyFrom(inner)
    return model


def test_a_rich_model_reads_the_same_in_both(spec: Spec, make_model: MakeModel) -> None:
    model = rich_model(spec, make_model)
    content = model.SerializeToString()
    assert sorted(by_us(content), key=str) == sorted(by_reflection(model), key=str)
    assert not has_external_data(content)


def test_enumerations_end_where_onnx_ends_them() -> None:
    for message, number in HIGHEST:
        field = getattr(onnx, f"{message}Proto").DESCRIPTOR.fields_by_number[number]
        assert max(field.enum_type.values_by_number) == HIGHEST[message, number], (message, number)
    enumerated = {
        (name.removesuffix("Proto"), field.number)
        for name, described in onnx.ModelProto.DESCRIPTOR.file.message_types_by_name.items()
        for field in described.fields
        if field.enum_type is not None
    }
    assert enumerated == set(HIGHEST)


def overlong(data: bytes, at: int) -> bytes:
    """The byte as a number that is longer than it need be."""
    return data[:at] + bytes([data[at] | 0x80, 0]) + data[at + 1 :]


@settings(max_examples=300)
@given(data=st.data())
def test_what_is_accepted_reads_the_same_in_both(spec: Spec, make_model: MakeModel, data: st.DataObject) -> None:
    content = rich_model(spec, make_model).SerializeToString()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["byte", "insert", "delete", "overlong", "repeat", "cut"]))
        if kind == "byte":
            content = content[:at] + bytes([data.draw(st.integers(0, 255))]) + content[at + 1 :]
        elif kind == "insert":
            content = content[:at] + data.draw(st.binary(min_size=1, max_size=6)) + content[at:]
        elif kind == "delete":
            content = content[:at] + content[at + data.draw(st.integers(1, 6)) :]
        elif kind == "overlong":
            content = overlong(content, at)
        elif kind == "repeat":
            content = content[:at] + content[at : at + 12] + content[at:]
        else:
            content = content[:at]
        if not content:
            return
    try:
        external_here = has_external_data(content)
    except ValueError:  # any other exception fails the test
        return
    model = onnx.ModelProto()
    model.ParseFromString(content)
    theirs = sorted(by_reflection(model), key=str)
    ours = sorted(by_us(content), key=str)
    assert [each for each in ours if each[2] != 0] == [each for each in theirs if each[2] != 0]
    tensors = [each for each in theirs if each[0] == "onnx.TensorProto" and each[1] in (13, 14) and each[2] != 0]
    assert external_here is bool(tensors)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5))
def test_numbers_in_a_row_are_protobufs(values: list[int]) -> None:
    model = onnx.ModelProto(ir_version=8, graph=onnx.GraphProto(initializer=[onnx.TensorProto(int64_data=values)]))
    content = model.SerializeToString()
    (row,) = [each for each in fields(content) if each.message == "Tensor"]
    assert list(unpacked(content[row.begin : row.end])) == [value % 2**64 for value in values]
