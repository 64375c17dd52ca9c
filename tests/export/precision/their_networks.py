"""What other people's networks do that a quantiser must bear, each in a small network of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.export.foreign.their_onnx import HEIGHT, WIDTH, Nodes, constant, network


def statistic(s: str) -> Nodes:
    return [
        helper.make_node("ReduceMax", [s], ["most"], keepdims=0),
        helper.make_node("Div", [s, "most"], ["out"]),
    ]


def masked(s: str) -> Nodes:
    far, least = np.array(-1e9, np.float32), np.array(np.finfo(np.float32).min)
    return [
        constant("far", far),
        constant("least", least),
        helper.make_node("Greater", [s, "far"], ["valid"]),
        helper.make_node("Where", ["valid", s, "least"], ["out"]),
    ]


def multiplied(s: str) -> Nodes:
    return [constant("large", np.array(1e5, np.float32)), helper.make_node("Mul", [s, "large"], ["out"])]


def channels_last() -> onnx.ModelProto:
    model = network()
    turned = helper.make_node("Transpose", ["last"], ["x"], perm=[0, 3, 1, 2])
    model.graph.node.insert(0, turned)
    picture = helper.make_tensor_value_info("last", TensorProto.FLOAT, (1, HEIGHT, WIDTH, 3))
    model.graph.input[0].CopyFrom(picture)
    return model


def branching(s: str) -> Nodes:
    """Scores that an If scales by a constant of its own and one of the graph around it."""
    result = helper.make_tensor_value_info("scaled", TensorProto.FLOAT, None)
    own = [numpy_helper.from_array(np.array(2, np.float32), "own")]
    nodes = [helper.make_node("Mul", [s, "own"], ["twice"]), helper.make_node("Add", ["twice", "far"], ["scaled"])]
    then = helper.make_graph(nodes, "then", [], [result], own)
    other = helper.make_graph([constant("scaled", np.zeros((1, 5, 12, 16), np.float32))], "else", [], [result])
    return [
        constant("far", np.array(3, np.float32)),
        constant("yes", np.array(True)),
        helper.make_node("If", ["yes"], ["out"], then_branch=then, else_branch=other),
    ]


def in_pieces(s: str) -> Nodes:
    """Scores that go through a sequence of tensors."""
    return [
        helper.make_node("SplitToSequence", [s], ["pieces"], axis=1),
        helper.make_node("ConcatFromSequence", ["pieces"], ["out"], axis=1),
    ]


def weighted(s: str) -> Nodes:
    """Scores weighted by channel, as ECA-Net does: by a convolution of one dimension."""
    return [
        helper.make_node("GlobalAveragePool", [s], ["mean"]),
        constant("row", np.array([1, 1, 5])),
        helper.make_node("Reshape", ["mean", "row"], ["channels"]),
        constant("kernel", np.full((1, 1, 3), 0.3, np.float32)),
        helper.make_node("Conv", ["channels", "kernel"], ["mixed"], pads=[1, 1]),
        constant("planes", np.array([1, 5, 1, 1])),
        helper.make_node("Reshape", ["mixed", "planes"], ["weights"]),
        helper.make_node("Mul", [s, "weights"], ["weighed"]),
        *classified("weighed"),
    ]


def classified(s: str) -> Nodes:
    """A last convolution, which stays in float."""
    weights = np.random.default_rng(0).normal(size=(5, 5, 1, 1)).astype(np.float32)
    return [constant("last weights", weights), helper.make_node("Conv", [s, "last weights"], ["out"])]


def repeated(s: str) -> Nodes:
    """Two convolutions that share their weights, and differ in their bias."""
    random = np.random.default_rng(5)
    return [
        constant("shared", random.normal(size=(5, 5, 3, 3)).astype(np.float32) / 2),
        constant("bias", random.normal(size=5).astype(np.float32)),
        helper.make_node("Conv", [s, "shared"], ["once"], pads=[1] * 4),
        helper.make_node("Relu", ["once"], ["positive"]),
        helper.make_node("Conv", ["positive", "shared", "bias"], ["twice"], pads=[1] * 4),
        *classified("twice"),
    ]


def attended(s: str) -> Nodes:
    """Scores times a softmax that -inf masks, once as a constant and once computed."""
    mask = np.where(np.arange(16) < 9, 0, -np.inf).astype(np.float32)
    return [
        constant("never", np.array(-np.inf, np.float32)),
        constant("mask", mask),
        constant("none", np.array(0, np.float32)),
        helper.make_node("Greater", [s, "none"], ["valid"]),
        helper.make_node("Where", ["valid", "none", "never"], ["computed"]),
        helper.make_node("Add", [s, "mask"], ["masked"]),
        helper.make_node("Softmax", ["masked"], ["share"], axis=-1),
        helper.make_node("Max", ["computed", s], ["positive"]),
        helper.make_node("Mul", ["positive", "share"], ["weighed"]),
        *classified("weighed"),
    ]


def bordered(s: str) -> Nodes:
    """Scores in a border of -inf, which a pool never takes."""
    return [
        constant("pads", np.array([0, 0, 1, 1, 0, 0, 1, 1])),
        constant("never", np.array(-np.inf, np.float32)),
        helper.make_node("Pad", [s, "pads", "never"], ["wide"]),
        helper.make_node("MaxPool", ["wide"], ["most"], kernel_shape=[3, 3]),
        *classified("most"),
    ]


def looped(s: str) -> Nodes:
    """Scores that a loop collects in a sequence, which is empty at first."""
    floats = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
    sequence = helper.make_sequence_type_proto(floats)
    body = helper.make_graph(
        [
            helper.make_node("SequenceInsert", ["before", s], ["after"]),
            helper.make_node("Identity", ["go"], ["on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_value_info("before", sequence),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []), helper.make_value_info("after", sequence)],
    )
    return [
        constant("turns", np.array(2)),
        constant("yes", np.array(True)),
        helper.make_node("SequenceEmpty", [], ["empty"]),
        helper.make_node("Loop", ["turns", "yes", "empty"], ["all"], body=body),
        helper.make_node("ConcatFromSequence", ["all"], ["double"], axis=2),
        constant("from", np.array([0])),
        constant("to", np.array([HEIGHT // 4])),
        constant("rows", np.array([2])),
        helper.make_node("Slice", ["double", "from", "to", "rows"], ["single"]),
        *classified("single"),
    ]


def scaled(s: str) -> Nodes:
    """Pooled scores, brought back by a scale that is computed of two shapes in floats, which halves do not hold.

    What the scale is computed of serves elsewhere too, as where a simplifier joins equal constants.
    """

    def size(name: str) -> Nodes:
        return [
            helper.make_node("Shape", [name], [f"{name} shape"]),
            helper.make_node("Slice", [f"{name} shape", "two", "four"], [f"{name} size"]),
            helper.make_node("Cast", [f"{name} size"], [f"{name} float"], to=TensorProto.FLOAT),
        ]

    return [
        helper.make_node("AveragePool", [s], ["pooled"], kernel_shape=[3, 3], strides=[3, 3], ceil_mode=1),
        constant("two", np.array([2])),
        constant("four", np.array([4])),
        constant("ones", np.ones(2, np.float32)),
        *size(s),
        *size("pooled"),
        helper.make_node("Div", [f"{s} float", "pooled float"], ["ratio"]),
        helper.make_node("Concat", ["ones", "ratio"], ["scales"], axis=0),
        helper.make_node("Resize", ["pooled", "", "scales"], ["back"], mode="linear"),
        helper.make_node("Add", [s, "back"], ["sum"]),
        helper.make_node("ReduceMax", ["pooled float"], ["side"], keepdims=0),
        helper.make_node("Div", ["sum", "side"], ["divided"]),
        helper.make_node("ReduceMax", ["ones"], ["one"], keepdims=0),
        helper.make_node("Mul", ["divided", "one"], ["multiplied"]),
        *classified("multiplied"),
    ]


def only_in_float(s: str) -> Nodes:
    """Scores weighed by their column, without infinities: by operators that ONNX does not define for float16."""
    return [
        helper.make_node("Shape", [s], ["shape"]),
        constant("last", np.array(3)),
        helper.make_node("Gather", ["shape", "last"], ["wide"]),
        helper.make_node("Cast", ["wide"], ["width"], to=TensorProto.FLOAT),
        constant("zero", np.array(0, np.float32)),
        constant("one", np.array(1, np.float32)),
        helper.make_node("Range", ["zero", "width", "one"], ["columns"]),
        helper.make_node("Div", ["columns", "width"], ["place"]),
        helper.make_node("Mul", [s, "place"], ["weighed"]),
        helper.make_node("Celu", ["weighed"], ["bent"], alpha=2.0),
        helper.make_node("IsInf", ["bent"], ["infinite"]),
        helper.make_node("Where", ["infinite", "zero", "bent"], ["finite"]),
        helper.make_node("Celu", ["finite"], ["out"]),
    ]


def recurrent(s: str) -> Nodes:
    """Scores and what a GRU makes of them, whose second output is left out by an empty name."""
    random = np.random.default_rng(7)
    return [
        constant("row", np.array([HEIGHT // 4 * WIDTH // 4, 1, 5])),
        helper.make_node("Reshape", [s, "row"], ["steps"]),
        constant("of steps", random.normal(size=(1, 15, 5)).astype(np.float32) / 4),
        helper.make_node("GRU", ["steps", "of steps", "of steps"], ["seen", ""], hidden_size=5),
        constant("shape", np.array([1, 5, HEIGHT // 4, WIDTH // 4])),
        helper.make_node("Reshape", ["seen", "shape"], ["map"]),
        helper.make_node("Add", [s, "map"], ["sum"]),
        *classified("sum"),
    ]


def placed(s: str) -> Nodes:
    """Scores and a learned map of places, which a convolution of its own reads."""
    random = np.random.default_rng(6)
    return [
        constant("places", random.normal(size=(1, 4, HEIGHT // 4, WIDTH // 4)).astype(np.float32)),
        constant("of places", random.normal(size=(5, 4, 3, 3)).astype(np.float32) / 4),
        helper.make_node("Conv", ["places", "of places"], ["learned"], pads=[1] * 4),
        helper.make_node("Add", [s, "learned"], ["sum"]),
        *classified("sum"),
    ]


def begun_empty(s: str) -> Nodes:
    """Scores that are appended to a tensor without values, as code does that collects its results."""
    return [
        constant("zero", np.array([0])),
        helper.make_node("Slice", [s, "zero", "zero"], ["none"]),
        helper.make_node("Concat", ["none", s], ["all"], axis=0),
        *classified("all"),
    ]


def biased(bias: str) -> onnx.ModelProto:
    """Whose first convolution has that bias: none at all, or a computed one."""
    model = network()
    model.graph.node[0].input[2] = bias
    model.graph.node.insert(0, helper.make_node("Add", ["b0", "b0"], ["computed"]))
    return model


def transformer() -> onnx.ModelProto:
    """Its only convolution makes patches, whose scores are a matrix product, so all stays in float."""
    model = network()
    wide = np.random.default_rng(0).normal(size=(8, 60)).astype(np.float32)
    del model.graph.node[:]
    model.graph.node.extend(
        [
            helper.make_node("Conv", ["x", "w0", "b0"], ["patches"], strides=[4, 4], pads=[1] * 4),
            helper.make_node("Transpose", ["patches"], ["rows"], perm=[0, 2, 3, 1]),
            constant("wide", wide),
            constant("narrow", wide.T[:, :5].copy()),
            helper.make_node("MatMul", ["rows", "wide"], ["hidden"]),
            helper.make_node("MatMul", ["hidden", "narrow"], ["last"]),
            helper.make_node("Transpose", ["last"], ["out"], perm=[0, 3, 1, 2]),
        ]
    )
    return model


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {
    "statistic of a frame": lambda: network(statistic),
    "mask beyond float16": lambda: network(masked),
    "channels last": channels_last,
    "a branch": lambda: network(branching),
    "a sequence": lambda: network(in_pieces),
    "one dimension": lambda: network(weighted),
    "shared weights": lambda: network(repeated),
    "-inf": lambda: network(attended),
    "a border of -inf": lambda: network(bordered),
    "a loop": lambda: network(looped),
    "a computed scale": lambda: network(scaled),
    "a convolution of a constant": lambda: network(placed),
    "only float32": lambda: network(only_in_float),
    "no second output": lambda: network(recurrent),
    "no values": lambda: network(begun_empty),
    "no bias by an empty name": lambda: biased(""),
    "a computed bias": lambda: biased("computed"),
}
