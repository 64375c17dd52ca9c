"""Networks of newer opsets, and with functions of other opsets, answer as the file does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from packaging.version import Version

import edgeseg
from edgeseg.errors import ExportError
from edgeseg_export.frames import sample_frames
from tests.export.foreign.their_onnx import CLASSES, Nodes, by_hand, constant, description, imported, network, resized


def brightest(s: str) -> Nodes:
    return [helper.make_node("GlobalMaxPool", [s], ["most"]), helper.make_node("Add", [s, "most"], ["out"])]


def doubled(s: str) -> Nodes:
    two = numpy_helper.from_array(np.array([2], np.float32))
    return [
        helper.make_node("Shape", [s], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["twos"], value=two),
        helper.make_node("Mul", [s, "twos"], ["out"]),
    ]


def shifted(s: str) -> Nodes:
    """Scores that are read between their pixels, as networks do that align features."""
    rows, columns = np.meshgrid(np.linspace(-0.9, 0.8, 12), np.linspace(-1, 0.7, 16), indexing="ij")
    grid = np.stack([columns, rows], axis=-1)[None].astype(np.float32)
    return [
        constant("grid", grid),
        helper.make_node("GridSample", [s, "grid"], ["out"], mode="linear", padding_mode="border"),
    ]


def swished(s: str) -> Nodes:
    return [helper.make_node("Swish", [s], ["out"])]


def averaged(step: int) -> Callable[[str], Nodes]:
    """Scores averaged with their neighbours, `step` away."""
    pads, dilations = [step] * 4, [step] * 2
    return lambda s: [
        helper.make_node("AveragePool", [s], ["out"], kernel_shape=[3, 3], pads=pads, dilations=dilations)
    ]


@pytest.mark.skipif(Version(onnx.__version__) < Version("1.19"), reason="inlines ONNX's own functions since 1.19")
@pytest.mark.parametrize(
    ("tail", "opset"), [(brightest, 22), (doubled, 21), (shifted, 20), (averaged(1), 19), (swished, 24)]
)
def test_newer_operators_are_put_in_the_words_of_ours(tail: Callable[[str], Nodes], opset: int, tmp_path: Path) -> None:
    model = network(tail, opset=opset)
    model.ir_version = 10
    bundle = imported(model, tmp_path)
    written = onnx.load(bundle.path(bundle.artifacts[0]))
    assert [(entry.domain, entry.version) for entry in written.opset_import] == [("", 18)]
    assert {node.domain for node in written.graph.node} == {""}
    onnx.checker.check_model(written, full_check=True)
    frame = sample_frames(None)[0]
    expected = by_hand(model, frame, description()["input"])
    np.testing.assert_allclose(edgeseg.load(bundle).logits(frame), expected, atol=1e-3)


def test_what_cannot_be_converted_is_named(tmp_path: Path) -> None:
    def quantised(s: str) -> Nodes:  # to int16, which opset 18 does not know
        return [
            constant("scale", np.array(0.1, np.float32)),
            constant("zero", np.array(0, np.int16)),
            helper.make_node("QuantizeLinear", [s, "scale", "zero"], ["levels"]),
            helper.make_node("DequantizeLinear", ["levels", "scale", "zero"], ["out"]),
        ]

    model = network(quantised, opset=21)
    model.ir_version = 10
    with pytest.raises(ExportError, match=r"opset 21, which cannot be converted to 18: [^/]*; export it with opset 18"):
        imported(model, tmp_path)


def test_an_operator_that_has_no_older_words_is_named(tmp_path: Path) -> None:
    def deformed(s: str) -> Nodes:
        weights, offsets = np.zeros((CLASSES, CLASSES, 1, 1), np.float32), np.zeros((1, 2, 12, 16), np.float32)
        return [
            constant("weights", weights),
            constant("offsets", offsets),
            helper.make_node("DeformConv", [s, "weights", "offsets"], ["out"]),
        ]

    with pytest.raises(ExportError, match=r"holds DeformConv, which came after opset 18, .*; replace it by older oper"):
        imported(network(deformed, opset=19), tmp_path)


def test_dilations_of_an_average_are_named(tmp_path: Path) -> None:
    model = network(averaged(2), opset=19)
    model.ir_version = 10
    with pytest.raises(ExportError, match=r"an AveragePool with dilations \[2, 2\], which opset 18 does not know"):
        imported(model, tmp_path)


def test_a_pad_that_wraps_around_is_named(tmp_path: Path) -> None:
    def wrapped(s: str) -> Nodes:
        pads = constant("pads", np.array([0, 0, 0, 1, 0, 0, 0, 1]))
        padded = helper.make_node("Pad", [s, "pads"], ["wide"], mode="wrap")
        return [pads, padded, helper.make_node("AveragePool", ["wide"], ["out"], kernel_shape=[1, 3])]

    model = network(wrapped, opset=19)
    model.ir_version = 10
    with pytest.raises(ExportError, match='a Pad of mode "wrap", which opset 18 does not know; replace it'):
        imported(model, tmp_path)


def with_function(nodes: Nodes, *imports: onnx.OperatorSetIdProto) -> onnx.ModelProto:
    """Whose scores go through a function of these nodes, from "a" to "b"."""
    model = network(lambda s: [helper.make_node("Twice", [s], ["out"], domain="acme")])
    model.opset_import.append(helper.make_opsetid("acme", 1))
    model.functions.append(helper.make_function("acme", "Twice", ["a"], ["b"], nodes, list(imports)))
    return model


def test_a_function_of_an_older_opset_is_inlined(tmp_path: Path) -> None:
    pooled = helper.make_node("Squeeze", ["c"], ["b"], axes=[0])  # an input since opset 13
    opened = helper.make_node("Unsqueeze", ["a"], ["c"], axes=[0])
    model = with_function([opened, pooled], helper.make_opsetid("", 12))
    frame = sample_frames(None)[0]
    logits = edgeseg.load(imported(model, tmp_path)).logits(frame)
    expected = by_hand(network(), frame, description()["input"])
    np.testing.assert_allclose(logits, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("node", "opset", "reason"),
    [
        (helper.make_node("Twice", ["a"], ["b"], domain="acme"), helper.make_opsetid("acme", 1), "recursive"),
        (helper.make_node("Mish", ["a"], ["b"]), helper.make_opsetid("", 18), "No Previous Version"),
    ],
)
def test_functions_that_cannot_be_inlined_are_refused(
    node: onnx.NodeProto, opset: onnx.OperatorSetIdProto, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=f"functions that cannot be inlined .*{reason}[^/]*; export it again"):
        imported(with_function([node], opset), tmp_path)


def test_a_function_may_hold_the_end_of_a_network(tmp_path: Path) -> None:
    softmax = helper.make_node("Softmax", ["a"], ["c"], axis=1)
    model = with_function([softmax, helper.make_node("ArgMax", ["c"], ["b"], axis=1)], helper.make_opsetid("", 13))
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    assert imported(model, tmp_path).artifacts[0].measured.facts["original"]["undone"] == ["Softmax", "ArgMax"]


@pytest.mark.parametrize("opset", range(11, 23))
def test_opsets_are_converted(tmp_path: Path, opset: int) -> None:
    def tail(scores: str) -> Nodes:  # a resize that stays, as it is not the last
        return [*resized(scores), helper.make_node("Relu", ["large"], ["out"])]

    bundle = imported(network(tail, opset=opset), tmp_path, stride=1)
    model = onnx.load(bundle.path(bundle.artifacts[0]))
    assert [entry.version for entry in model.opset_import] == [18]


def test_the_newest_format_of_files_is_written_as_one_that_older_runtimes_read(tmp_path: Path) -> None:
    model = network()
    model.ir_version = onnx.IR_VERSION
    bundle = imported(model, tmp_path)
    assert onnx.load(bundle.path(bundle.artifacts[0])).ir_version == min(onnx.IR_VERSION, 10)


@pytest.mark.parametrize("opset", [11, 15, 18])
def test_the_coordinates_that_tf2onnx_writes_are_those_of_our_opset(tmp_path: Path, opset: int) -> None:
    """As of UpSampling2D in Keras: since opset 13 ONNX does not have them, and ONNX Runtime complains each time."""
    place = {"coordinate_transformation_mode": "tf_half_pixel_for_nn", "nearest_mode": "floor"}

    def tail(s: str) -> Nodes:
        return [*resized(s, mode="nearest", **place), helper.make_node("Relu", ["large"], ["out"])]

    bundle = imported(network(tail, opset=opset), tmp_path, stride=1)
    graph = onnx.load(bundle.path(bundle.artifacts[0])).graph
    resize = next(node for node in graph.node if node.op_type == "Resize")
    assert helper.get_node_attr_value(resize, "coordinate_transformation_mode") == b"half_pixel"


@pytest.mark.parametrize("opset", [8, 25])
def test_other_opsets_are_refused(tmp_path: Path, opset: int) -> None:
    with pytest.raises(ExportError, match=f"opset {opset}, expected 9 to 24"):
        imported(network(opset=opset), tmp_path)


@pytest.mark.parametrize("domains", [["ai.onnx.ml", ""], ["", "ai.onnx"]], ids=["other first", "twice"])
def test_the_opset_is_found_among_others(tmp_path: Path, domains: list[str]) -> None:
    model = network(resized_out)
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, 1 if "ml" in domain else 13) for domain in domains)
    assert imported(model, tmp_path).spec.stride == 4  # the resize is seen, and undone


def resized_out(s: str) -> Nodes:
    return [*resized(s), helper.make_node("Identity", ["large"], ["out"])]


@pytest.mark.skipif(Version(onnx.__version__) < Version("1.19"), reason="inlines ONNX's own functions since 1.19")
def test_operators_newer_than_our_opset_are_spelled_out(tmp_path: Path) -> None:
    model = network(lambda s: [helper.make_node("Gelu", [s], ["out"])], opset=20)
    model.ir_version = 9
    frame = sample_frames(None)[0]
    logits = edgeseg.load(imported(model, tmp_path)).logits(frame)
    np.testing.assert_allclose(logits, by_hand(model, frame, description()["input"]), atol=1e-3)


@pytest.mark.skipif(Version(onnx.__version__) < Version("1.19"), reason="inlines ONNX's own functions since 1.19")
def test_group_normalisation_of_a_newer_opset_is_spelled_out(tmp_path: Path) -> None:
    def normalised(s: str) -> Nodes:
        return [helper.make_node("GroupNormalization", [s, "ones", "zeros"], ["out"], num_groups=1)]

    model = network(normalised, opset=21)
    model.ir_version = 10
    for name, value in (("ones", 1.5), ("zeros", 0.5)):
        model.graph.initializer.append(numpy_helper.from_array(np.full(CLASSES, value, np.float32), name))
    frame = sample_frames(None)[0]
    logits = edgeseg.load(imported(model, tmp_path)).logits(frame)
    np.testing.assert_allclose(logits, by_hand(model, frame, description()["input"]), atol=1e-3)


def test_a_cast_that_says_how_float8_is_cut_is_taken(tmp_path: Path) -> None:
    def cast(s: str) -> Nodes:
        whole = helper.make_node("Cast", [s], ["whole"], to=TensorProto.INT32, saturate=1)
        return [whole, constant("one", np.array(1, np.int32)), helper.make_node("Add", ["whole", "one"], ["out"])]

    model = network(cast, opset=19, out=TensorProto.INT32)
    model.ir_version = 9
    frame = sample_frames(None)[0]
    logits = edgeseg.load(imported(model, tmp_path)).logits(frame)
    np.testing.assert_array_equal(logits, by_hand(model, frame, description()["input"]))
