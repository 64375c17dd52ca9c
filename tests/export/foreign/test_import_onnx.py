"""ONNX files as other people make them, wrapped and compared with the file as it came."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgeseg
from edgeseg import kernels
from edgeseg.commands.import_ import import_command
from edgeseg.engines.tensorrt.build import build
from edgeseg.engines.tensorrt.sidecar import ANY
from edgeseg.errors import ExportError, SpecError
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.foreign.original import Original
from edgeseg_export.frames import sample_frames
from edgeseg_export.precision.float_graph import FloatGraph
from tests.export.foreign.their_onnx import (
    CLASSES,
    HEIGHT,
    IMAGENET,
    WIDTH,
    Nodes,
    by_hand,
    constant,
    description,
    imported,
    network,
    saved,
)

LEVELS = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
UNIFORM = {"mean": [127.0] * 3, "std": [128.0] * 3}


@pytest.mark.parametrize(
    ("colour", "range_", "numbers", "pads"),
    [
        (colour, range_, numbers, pads)
        for colour, (range_, numbers), pads in itertools.product(
            ("RGB", "BGR"), ((1, IMAGENET), (255, LEVELS), (255, UNIFORM)), (0, 1)
        )
    ],
)
def test_every_normalisation_is_in_the_graph(
    tmp_path: Path, colour: str, range_: int, numbers: dict[str, list[float]], pads: int
) -> None:
    model = network(pads=pads)
    changes = {"input_colour": colour, "input_range": range_, **{f"input_{k}": v for k, v in numbers.items()}}
    bundle = imported(model, tmp_path, **changes)
    frame = sample_frames(None)[0]
    expected = by_hand(model, frame, {"colour": colour, "range": range_, **numbers})
    actual = edgeseg.load(bundle).logits(frame)
    np.testing.assert_allclose(actual, expected, atol=1e-4 * np.abs(expected).max())
    graph = onnx.load(bundle.path(bundle.artifacts[0])).graph
    kinds = [node.op_type for node in graph.node if node.op_type != "Cast" or node.input[0] == "frame"]
    between = kinds[2 : kinds.index("Conv")]
    uniform = numbers is UNIFORM
    assert kinds[:2] == ["Cast", "Transpose"]
    assert between == (["Sub", "Div"] if uniform else ["Sub"] if pads else [])


def test_the_order_of_channels_is_an_operator_where_no_convolution_can_hold_it(tmp_path: Path) -> None:
    model = network()
    model.graph.node.insert(0, helper.make_node("Identity", ["x"], ["y"]))
    model.graph.node[1].input[0] = "y"
    bundle = imported(model, tmp_path)
    kinds = [node.op_type for node in onnx.load(bundle.path(bundle.artifacts[0])).graph.node]
    assert kinds[:5] == ["Cast", "Transpose", "Gather", "Sub", "Div"]
    assert bundle.artifacts[0].measured.facts["original"]["max_difference"] < 1e-3


def test_one_channel_with_a_sigmoid(tmp_path: Path) -> None:
    def sigmoid(scores: str) -> Nodes:
        return [helper.make_node("Sigmoid", [scores], ["out"])]

    model = network(sigmoid, channels=1)
    bundle = imported(model, tmp_path, classes=["other", "road"])
    frame = sample_frames(None)[2]
    logits = edgeseg.load(bundle).logits(frame)
    assert logits.shape[1] == 1
    probability = by_hand(model, frame, description()["input"])
    assert np.array_equal(kernels.argmax(logits, WIDTH // 4, HEIGHT // 4), probability[0, 0] > 0.5)


def test_channels_without_a_class_are_left_out(tmp_path: Path) -> None:
    bundle = imported(network(), tmp_path, classes=["d", "a"], channels=[3, 0])
    frame = sample_frames(None)[0]
    expected = by_hand(network(), frame, description()["input"])[:, [3, 0]]
    np.testing.assert_allclose(edgeseg.load(bundle).logits(frame), expected, atol=1e-3)


def test_unnamed_classes_have_names_and_every_class_a_colour(tmp_path: Path) -> None:
    spec = imported(network(), tmp_path).spec
    assert spec.classes == ("a", "b", "c", "class 3", "void")
    assert len(set(spec.palette)) == CLASSES


def test_scores_of_few_levels_tie_and_are_taken(tmp_path: Path) -> None:
    """Which class a resize gives a tie to is a matter of rounding, and no disagreement."""

    def coarse(s: str) -> Nodes:
        return [
            constant("scale", np.array(1.1, np.float32)),
            constant("zero", np.array(0, np.int8)),
            helper.make_node("QuantizeLinear", [s, "scale", "zero"], ["levels"]),
            helper.make_node("DequantizeLinear", ["levels", "scale", "zero"], ["out"]),
        ]

    figures = imported(network(coarse), tmp_path).artifacts[0].measured.facts["original"]
    assert figures["mask_agreement"] == 100


def test_a_class_that_never_wins_makes_no_ties_of_others() -> None:
    """Its -1e4 had made a second best class count as the best, where their scores were 0.01 apart."""

    def small(s: str) -> Nodes:
        offsets = np.array([0, 0, 0, 0, -1e4], np.float32).reshape(1, 5, 1, 1)
        return [
            constant("scale", np.array(1e-3, np.float32)),
            constant("offsets", offsets),
            helper.make_node("Mul", [s, "scale"], ["scaled"]),
            helper.make_node("Add", ["scaled", "offsets"], ["out"]),
        ]

    original = Original(network(small), model_spec(description()), "city.onnx")
    tensors = original(kernels.resize(sample_frames(None)[0], WIDTH, HEIGHT)[None])
    best, second = tensors["out"][0].argsort(0)[[-1, -2]]
    assert original.own_mask.ties(tensors, best).all()
    assert original.own_mask.ties(tensors, second).mean() < 0.01


def test_half_precision(tmp_path: Path) -> None:
    bundle = imported(network(kind=TensorProto.FLOAT16, out=TensorProto.FLOAT16), tmp_path)
    assert [each.precision for each in bundle.artifacts] == ["fp32", "fp16"]
    for precision in ("fp32", "fp16"):
        assert edgeseg.load(bundle, precision=precision).logits(sample_frames(None)[0]).dtype == np.float32


@pytest.mark.parametrize("colour", ["RGB", "BGR"])
@pytest.mark.parametrize("numbers", [LEVELS, UNIFORM], ids=["levels", "uniform"])
@pytest.mark.parametrize("shape", [(1, HEIGHT, WIDTH, 3), ("n", "h", "w", 3)])
def test_channels_last(tmp_path: Path, colour: str, numbers: dict[str, list[float]], shape: tuple[Any, ...]) -> None:
    """As TensorFlow's converter writes it: (1, H, W, 3) in, (1, h, w, C) out, with Transposes around convolutions."""
    model = network(lambda scores: [helper.make_node("Transpose", [scores], ["out"], perm=[0, 2, 3, 1])], shape=shape)
    model.graph.node[0].input[0] = "planar"
    model.graph.node.insert(0, helper.make_node("Transpose", ["x"], ["planar"], perm=[0, 3, 1, 2]))
    changes = {"input_colour": colour, "input_range": 255, **{f"input_{k}": v for k, v in numbers.items()}}
    bundle = imported(model, tmp_path, **changes)
    frame = sample_frames(None)[0]
    data = {"colour": colour, "range": 255, **numbers}
    expected = by_hand(network(), frame, data)
    np.testing.assert_allclose(edgeseg.load(bundle).logits(frame), expected, atol=1e-4 * np.abs(expected).max())
    rtx = pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx, which builds engines, is not installed")
    content = bundle.path(bundle.artifacts[0]).read_bytes()
    assert build(content, bundle.spec, rtx, ANY, "city").layers > 5


def test_one_of_several_outputs(tmp_path: Path) -> None:
    model = network()
    model.graph.output.append(helper.make_tensor_value_info("r0", TensorProto.FLOAT, None))
    with pytest.raises(SpecError, match=r'gives out, r0; say with "output"'):
        imported(model, tmp_path)
    with pytest.raises(SpecError, match="no output 'logits'"):
        imported(model, tmp_path, output="logits")
    imported(model, tmp_path, output="out")


def test_weights_that_are_listed_as_inputs(tmp_path: Path) -> None:
    model = network()
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, tensor.dims))
    bundle = imported(model, tmp_path)
    assert [value.name for value in onnx.load(bundle.path(bundle.artifacts[0])).graph.input] == ["frame"]


def test_graphs_within_nodes(tmp_path: Path) -> None:
    """Their nodes read the weights and the tensors of the graph around them."""

    def branch(name: str, kind: str) -> onnx.GraphProto:
        result = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node(kind, ["scores", "shift"], [name])], name, [], [result])

    def tail(_: str) -> Nodes:
        return [
            constant("shift", np.full((1, CLASSES, 1, 1), 0.25, np.float32)),
            constant("yes", np.array(True)),
            helper.make_node(
                "If", ["yes"], ["out"], then_branch=branch("then", "Add"), else_branch=branch("no", "Sub")
            ),
        ]

    model = network(tail)
    frame = sample_frames(None)[0]
    expected = by_hand(model, frame, description()["input"])
    np.testing.assert_allclose(edgeseg.load(imported(model, tmp_path)).logits(frame), expected, atol=1e-3)
    model.graph.node[-1].attribute[0].g.node[0].domain = "acme"
    model.opset_import.append(helper.make_opsetid("acme", 1))
    with pytest.raises(ExportError, match=r"acme:(Add|Sub)"):
        imported(model, tmp_path)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.json").write_text(json.dumps(description()))
    assert import_command(saved(network(), tmp_path), spec=tmp_path / "spec.json", out=tmp_path / "city") == 0
    assert "original" in capsys.readouterr().out
    card = (tmp_path / "city" / "README.md").read_text()
    assert "theirs.onnx" in card
    assert "Accuracy was not measured" in card


def test_weights_that_an_identity_shares_are_weights_again(tmp_path: Path) -> None:
    """As torch's older exporter writes biases that are all 0."""
    model = network(channels=8)
    model.graph.node[2].input.append("same")
    model.graph.node.insert(0, helper.make_node("Identity", ["b0"], ["same"]))
    bundle = imported(model, tmp_path, classes=list("abcdefgh"))
    graph = FloatGraph.load(bundle.path(bundle.artifacts[0]))
    assert all(graph.floats(node) for node in graph.nodes if node.op_type == "Identity")
    biases = [graph.bias(node) for node in graph.convolutions()]
    assert len(biases) == 2
    assert all(bias.any() for bias in biases)


def test_a_bias_that_is_computed_stays_as_it_is(tmp_path: Path) -> None:
    model = network(pads=0)
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "b0")
    half = numpy_helper.to_array(bias).astype(np.float16)
    bias.CopyFrom(numpy_helper.from_array(half, "b0.half"))
    model.graph.node.insert(0, helper.make_node("Cast", ["b0.half"], ["b0"], to=TensorProto.FLOAT))
    frame = sample_frames(None)[0]
    logits = edgeseg.load(imported(model, tmp_path)).logits(frame)
    np.testing.assert_allclose(logits, by_hand(model, frame, description()["input"]), atol=1e-3)


def test_scores_may_be_whole_numbers(tmp_path: Path) -> None:
    model = network(levels, out=TensorProto.INT32)
    frame = sample_frames(None)[0]
    logits = edgeseg.load(imported(model, tmp_path)).logits(frame)
    np.testing.assert_array_equal(logits, by_hand(model, frame, description()["input"]))


def levels(s: str) -> Nodes:
    whole = helper.make_node("Cast", [s], ["whole"], to=TensorProto.INT32)
    return [whole, constant("zero", np.array(128, np.int32)), helper.make_node("Add", ["whole", "zero"], ["out"])]
