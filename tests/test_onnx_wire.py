from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeseg import onnx_wire
from edgeseg.artifact import Artifact
from edgeseg.errors import BundleError
from edgeseg.onnx_wire import fields, has_external_data
from edgeseg.spec import Spec
from tests.onnx_bytes import VERSION, in_tensor, inside, message, tag, varint

MakeModel = Callable[..., onnx.ModelProto]


def external() -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "weight")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def in_initializer(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(external())


def in_constant(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=external()))


def in_branch(model: onnx.ModelProto) -> None:
    branch = helper.make_graph([], "branch", [], [], [external()])
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch))


def in_function(model: onnx.ModelProto) -> None:
    constant = helper.make_node("Constant", [], ["c"], value=external())
    model.functions.append(helper.make_function("local", "F", [], ["c"], [constant], []))


def in_function_default(model: onnx.ModelProto) -> None:
    function = helper.make_function("local", "F", [], [], [], [])
    function.attribute_proto.append(helper.make_attribute("w", external()))
    model.functions.append(function)


def in_sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add(values=external())


def in_sparse_indices(model: onnx.ModelProto) -> None:
    sparse = onnx.SparseTensorProto(indices=external())
    model.graph.node.append(helper.make_node("Constant", [], ["c"], sparse_value=sparse))


def in_training(model: onnx.ModelProto) -> None:
    model.training_info.add().algorithm.initializer.append(external())


def in_many_tensors(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Odd", [], ["c"], tensors=[external()]))


def by_place_alone(model: onnx.ModelProto) -> None:
    model.graph.initializer.add().external_data.add(key="location", value="weights.bin")


def by_mark_alone(model: onnx.ModelProto) -> None:
    model.graph.initializer.add().data_location = TensorProto.EXTERNAL


def by_operator(model: onnx.ModelProto) -> None:
    node = helper.make_node("EPContext", [], ["c"], domain="com.microsoft", embed_mode=0, ep_cache_context="x.engine")
    model.graph.node.append(node)


PLACES = [in_initializer, in_constant, in_branch, in_function, in_function_default, in_sparse, in_sparse_indices]
PLACES += [in_training, in_many_tensors, by_place_alone, by_mark_alone, by_operator]


@pytest.mark.parametrize("put", PLACES)
@pytest.mark.parametrize("name", ["model.onnx", "model.bin", "model"])
def test_weights_in_other_files_are_found(
    tmp_path: Path, spec: Spec, make_model: MakeModel, put: Callable[[onnx.ModelProto], None], name: str
) -> None:
    model = make_model(spec)
    assert not has_external_data(model.SerializeToString())
    put(model)
    content = model.SerializeToString()
    assert has_external_data(content)
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BundleError, match="keeps weights in other files"):
        Artifact.of(path, target="onnxruntime", precision="fp32")


LOCATION = inside((1, b"location"), (2, b"w.bin"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no version or no graph"),
        (VERSION, "no version or no graph"),
        (b"not a model, just text", "unknown|wire type|end"),
        (VERSION + inside((7, b""), (7, b"")), "field 7 of Model is there twice"),
        (VERSION + inside((7, inside((5, tag(13, 2, padding=1) + LOCATION)))), "longer than it need be"),
        # the tag that a 32-bit reader takes for field 13, with a bit that only others see
        (VERSION + inside((7, inside((5, b"\xea\x80\x80\x80\x10" + bytes([len(LOCATION)]) + LOCATION)))), "is unknown"),
        (VERSION + inside((7, inside((5, b"\x70\x81\x80\x80\x80\x10")))), "beyond 32 bits"),
        (VERSION + inside((7, inside((5, b"\x70\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02")))), "longer than it need be"),
        (VERSION + inside((7, inside((5, b"\x3a\x02\x81\x00")))), "longer than it need be"),
        (VERSION + inside((7, inside((5, b"\x3a\x01\x81")))), "cut off"),
        (VERSION + inside((7, inside((5, b"\x22\x03abc")))), "cut off"),
        (VERSION + inside((7, inside((99, b"x")))), "field 99 of Graph is unknown"),
        (VERSION + b"\x3b\x3c", "wire type 3"),
        (VERSION + inside((7, inside((2, b"\xff")))), "decode"),
        (VERSION + inside((7, inside((11, inside((2, inside((1, b""), (4, b"")))))))), "there twice"),
        (b"\x08\x08\x12\x06ORTM\x00\x00" + inside((7, b"")), "ONNX Runtime's own format"),
    ],
)
def test_odd_bytes_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        has_external_data(content)


GRAPH = message(7, b"")
TENSOR_VALUES = {
    "text": inside((8, b"name")),
    "number": b"\x70\x00",
    "packed": inside((4, b"\0\0\x80\x3f")),
    "float": b"\x25\0\0\x80\x3f",
    "double": b"\x51" + bytes(8),
    "long number": b"\x38" + b"\xff" * 9 + b"\x01",
}
"""The last field of a tensor, by what ends it."""


@pytest.mark.parametrize("kind", TENSOR_VALUES)
def test_a_field_ends_with_its_message_at_the_latest(kind: str) -> None:
    """One byte more than the message has is refused, also where the file goes on: others would read another file."""
    value = TENSOR_VALUES[kind]
    whole = VERSION + message(7, message(5, value))
    assert not has_external_data(whole)
    assert not has_external_data(whole + inside((2, b"producer")))
    onnx.ModelProto().ParseFromString(whole)
    for cut in range(1, len(value)):
        graph = message(7, tag(5, 2) + varint(cut) + value)
        with pytest.raises(ValueError, match=r"beyond the end|cut off|unknown|wire type"):
            has_external_data(VERSION + graph)
        with pytest.raises(ValueError, match="beyond the end"):
            has_external_data(whole[: -len(value) + cut])


def nested(depth: int) -> bytes:
    """A model whose innermost message is the `depth`th: sequences of sequences, from Model, Graph, Value, Type on."""
    content = b""
    for level in range(depth, 4, -1):  # 5: SequenceType, 6: Type ...
        content = message(4 if level % 2 else 1, content)
    return VERSION + message(7, message(11, message(2, content)))


def test_messages_may_lie_sixty_deep() -> None:
    assert sum(1 for _ in fields(nested(60))) == 60  # the version, and a field for every message but the first
    assert not has_external_data(nested(60))
    onnx.ModelProto().ParseFromString(nested(60))
    with pytest.raises(ValueError, match="too deep"):
        has_external_data(nested(61))


def test_as_many_fields_as_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    content = VERSION + message(7, inside((2, b"n"), (10, b"t")))
    assert len(list(fields(content))) == 4
    for most, accepted in ((4, True), (3, False)):
        monkeypatch.setattr(onnx_wire, "MOST_FIELDS", most)
        if accepted:
            assert not has_external_data(content)
        else:
            with pytest.raises(ValueError, match="more than 3 fields"):
                has_external_data(content)


def test_the_last_value_of_an_enumeration_is_known() -> None:
    for kind, accepted in ((14, True), (15, False)):
        node = VERSION + message(7, message(1, message(5, tag(20, 0) + varint(kind))))
        if accepted:
            assert not has_external_data(node)
        else:
            with pytest.raises(ValueError, match="is 15, which ONNX does not define"):
                has_external_data(node)


@pytest.mark.parametrize(
    ("content", "external"),
    [
        (in_tensor(b"\x70\x00"), False),  # said to be in this file
        (in_tensor(b"\x70\x01"), True),
        (in_tensor(b"\x6a\x00"), True),
        (in_tensor(b"\x72\x00"), None),  # text where a number belongs
        (VERSION + message(7, message(1, inside((4, b"EPContext")))), True),
        (VERSION + message(7, message(1, inside((3, b"EPContext")))), False),  # a name
        (VERSION + message(7, message(1, inside((4, b"EPContext2")))), False),
        (VERSION + message(7, message(1, inside((1, b"EPContext")))), False),
        (GRAPH, None),
        (VERSION, None),
        (GRAPH + VERSION, False),  # in any order
        (b"\x08\x08ORTM" + GRAPH, None),
        (VERSION + GRAPH + inside((2, b"ORTM")), False),
    ],
)
def test_what_lies_in_other_files(content: bytes, external: bool | None) -> None:
    if external is None:
        with pytest.raises(ValueError, match=r"wire type|no version or no graph|unknown"):
            has_external_data(content)
    else:
        assert has_external_data(content) is external


def test_a_field_knows_its_place() -> None:
    content = VERSION + inside((2, b"me")) + GRAPH
    assert [tuple(each) for each in fields(content)] == [
        ("Model", 1, 8, 1, 2),
        ("Model", 2, None, 4, 6),
        ("Model", 7, None, 8, 8),
    ]


def test_depth_and_number_are_bounded(spec: Spec, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(spec)
    for _ in range(30):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=model.graph)], "g", [], [])
        model.graph.CopyFrom(graph)
    with pytest.raises(ValueError, match="too deep"):
        has_external_data(model.SerializeToString())
    monkeypatch.setattr(onnx_wire, "MOST_FIELDS", 5)
    with pytest.raises(ValueError, match="more than 5 fields"):
        has_external_data(make_model(spec).SerializeToString())


def test_other_files_are_no_models(tmp_path: Path) -> None:
    for name in ("model.onnx", "model.bin"):
        path = tmp_path / name
        path.write_bytes(b"not a model, just text")
        with pytest.raises(BundleError, match="is not an ONNX model"):
            Artifact.of(path, target="onnxruntime", precision="fp32")
