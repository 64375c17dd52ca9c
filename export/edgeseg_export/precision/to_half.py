"""FP16 in the types of the graph, as TensorRT 11 wants it; and the proof that float16's range holds every activation.

ONNX Runtime computes float16 nodes in float32 on a CPU, which proves the graph and not the range. So the range is
proved on the float32 graph, with every computed tensor rounded to float16 and back: what a GPU stores, whose
convolutions add up in float32.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgeseg.agreement import Agreement
from edgeseg.errors import ExportError
from edgeseg.measured import HalfRange
from edgeseg_export.precision.calibration import Histograms
from edgeseg_export.precision.float_graph import FloatGraph, sizes
from edgeseg_export.precision.qdq import Rewriter
from edgeseg_export.subgraphs import all_nodes, subgraphs
from edgeseg_export.to_float import retype

OPSET = 19
"""The first whose QuantizeLinear takes float16."""

LARGEST = 65504.0
"""Of float16."""

CUTTING = frozenset(
    {"Where", "Clip", "Max", "Min", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"}
    | {"Softmax", "LogSoftmax", "MaxPool", "ReduceMax", "ArgMax"}
)
"""Operators whose constants beyond float16 stand for "infinitely far", as in masks: the end of the range does too."""

PASSING = frozenset(
    {"Pad", "Add", "Sub", "Mul", "Concat", "Expand", "Tile", "Slice", "Gather"}
    | {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Cast"}
)
"""Operators that may stand between such a constant and what cuts it: scores + (1 - mask) * -1e9 before a softmax."""

FLOAT_ALONE = frozenset({"Celu", "IsInf"})
"""Operators that ONNX of that opset defines for float32 and not for float16; so is Range, which is among `sizes`."""

_KINDS, _NUMBERS = ("to", "dtype"), ("value_float", "value_floats")
"""Attributes that hold a type, and floats of a Constant."""


def to_half(graph: FloatGraph) -> onnx.ModelProto:
    """The graph with float16 for float32; its output is cast back, so that all artifacts give float32 logits."""
    rewriter = Rewriter()
    nodes = list(all_nodes(graph.model.graph))
    untouched = sizes(nodes)
    for name, constant in graph.constants.items():
        if constant.dtype == np.float32 and name not in untouched:
            _check_range(name, constant, nodes)
            rewriter.constant(name, _half(constant))
    typed = onnx.shape_inference.infer_shapes(graph.model).graph
    rewriter.nodes = _half_nodes(typed, untouched, ())
    for name in sorted(graph.outputs):
        for node in rewriter.nodes:
            for names in (node.input, node.output):
                names[:] = [f"{name}.half" if each == name else each for each in names]
        rewriter.nodes.append(
            helper.make_node("Cast", [f"{name}.half"], [name], name=f"{name}.float", to=TensorProto.FLOAT)
        )
    return rewriter.model(graph, OPSET)


def _half_nodes(
    graph: onnx.GraphProto, untouched: set[str], known: Collection[str], ending: str = ".half"
) -> list[onnx.NodeProto]:
    """Copies of a graph's nodes with float16 for float32, but of those that compute sizes.

    Args:
        graph: the main one, or one within a node, with the types of its tensors.
        untouched: the sizes of all graphs, which stay in float32.
        known: float32 tensors of the graphs around it.
        ending: of what float32 is cast to; no graph may use that of one around it.
    """
    known = {*known, *_float_names(graph)}
    floats = untouched & known
    nodes: list[onnx.NodeProto] = []
    halves: set[str] = set()
    for node in graph.node:
        copied = onnx.NodeProto()
        copied.CopyFrom(node)
        inside = subgraphs(copied)
        if untouched.intersection(node.output) and not inside:
            nodes.append(copied)
            continue
        read = [] if inside else node.input[:2] if node.op_type == "Resize" else node.input  # a size is one inside too
        for place, name in enumerate(read):
            if name not in floats:
                continue
            copied.input[place] = half = f"{name}{ending}"  # it serves more than sizes
            if half not in halves:
                halves.add(half)
                nodes.append(helper.make_node("Cast", [name], [half], name=half, to=TensorProto.FLOAT16))
        _halve_attributes(copied)
        for inner in inside:
            _halve_graph(inner, untouched, known, f"{ending}.half")
        if node.op_type in FLOAT_ALONE:
            nodes += _in_float(copied, gives_float=bool(known & {*node.output}))
        else:
            nodes.append(copied)
    return nodes


def _in_float(node: onnx.NodeProto, *, gives_float: bool) -> list[onnx.NodeProto]:
    """A node with one input, and what it gives if that is float, through casts from and to float16."""
    source, result = str(node.input[0]), str(node.output[0])
    node.input[0] = f"{result}.source"
    nodes = [helper.make_node("Cast", [source], [node.input[0]], name=node.input[0], to=TensorProto.FLOAT), node]
    if gives_float:
        node.output[0] = f"{result}.exact"
        nodes.append(helper.make_node("Cast", [node.output[0]], [result], name=result, to=TensorProto.FLOAT16))
    return nodes


def _float_names(graph: onnx.GraphProto) -> set[str]:
    """Names of the float32 tensors of a graph whose types are known, constants among them."""
    values = (*graph.value_info, *graph.input, *graph.output)
    names = {value.name for value in values if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    return names | {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}


def _halve_attributes(node: onnx.NodeProto) -> None:
    """Puts float16 for float32 into the attributes of a node."""
    if node.op_type == "ConstantOfShape" and not node.attribute:  # zeros of float32
        node.attribute.append(helper.make_attribute("value", numpy_helper.from_array(np.zeros(1, np.float32))))
    if node.op_type == "SequenceEmpty" and not node.attribute:  # of float32
        node.attribute.append(helper.make_attribute("dtype", TensorProto.FLOAT))
    for attribute in node.attribute:
        if attribute.name in _KINDS and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16
        elif attribute.name in _NUMBERS:
            numbers = np.asarray(helper.get_attribute_value(attribute), np.float32)
            attribute.CopyFrom(helper.make_attribute("value", numpy_helper.from_array(_half(numbers))))
        elif attribute.type == onnx.AttributeProto.TENSOR:
            _halve(attribute.t)
        elif attribute.type == onnx.AttributeProto.TYPE_PROTO:
            retype(attribute.tp, TensorProto.FLOAT, TensorProto.FLOAT16)


def _halve_graph(graph: onnx.GraphProto, untouched: set[str], known: Collection[str], ending: str) -> None:
    """The same for a graph within a node; the arguments are those of `_half_nodes`."""
    for name, tensor in _inner_constants(graph):
        if tensor.data_type == TensorProto.FLOAT and name not in untouched:
            _check_range(name, numpy_helper.to_array(tensor), graph.node)
    nodes = _half_nodes(graph, untouched, known, ending)
    for tensor in graph.initializer:
        if tensor.name not in untouched:
            _halve(tensor)
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    for value in (*graph.input, *graph.output):
        if value.name not in untouched:
            retype(value.type, TensorProto.FLOAT, TensorProto.FLOAT16)


def _inner_constants(graph: onnx.GraphProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    """Names and values of the constants of a graph within a node."""
    yield from ((tensor.name, tensor) for tensor in graph.initializer)
    yield from ((node.output[0], node.attribute[0].t) for node in graph.node if node.op_type == "Constant")


def _check_range(name: str, constant: NDArray[np.float32], nodes: Sequence[onnx.NodeProto]) -> None:
    """Refuses a constant that float16 does not reach, but where it stands for "infinitely far"."""
    beyond = np.isfinite(constant) & (np.abs(constant) > LARGEST)  # float16 has infinity itself
    if beyond.any() and not _is_cut(name, nodes):
        raise ExportError(f"constant {name} exceeds float16's {LARGEST:g}; keep this network in fp32")


def _is_cut(name: str, nodes: Sequence[onnx.NodeProto]) -> bool:
    """Whether all that read a tensor cut it, or pass it on to what does."""
    seen: set[str] = set()
    waiting = {name}
    while waiting:
        seen.add(name := waiting.pop())
        readers = [node for node in nodes if name in node.input]
        if not readers or any(node.op_type not in CUTTING | PASSING for node in readers):
            return False
        waiting |= {result for node in readers if node.op_type in PASSING for result in node.output} - seen
    return True


def _halve(tensor: onnx.TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT:
        tensor.CopyFrom(numpy_helper.from_array(_half(numpy_helper.to_array(tensor)), tensor.name))


def _half(values: NDArray[np.float32]) -> NDArray[np.float16]:
    finite = np.clip(values, -LARGEST, LARGEST)
    return np.where(np.isinf(values), values, finite).astype(np.float16)


def rounded_to_half(graph: FloatGraph, activations: Collection[str]) -> onnx.ModelProto:
    """The float32 graph with every float constant and the computed `activations` rounded to float16 and back.

    In the graphs within its nodes every float tensor is rounded.
    """
    rewriter = Rewriter()
    untouched = sizes(list(all_nodes(graph.model.graph)))
    for name, constant in graph.constants.items():
        if constant.dtype == np.float32 and name not in untouched:
            rewriter.constant(name, _half(constant).astype(np.float32))
    typed = onnx.shape_inference.infer_shapes(graph.model).graph.node  # says which inner tensors are float
    for node in typed:
        for inner in subgraphs(node):
            _round(inner, untouched)
        nodes = _rounding(node, [name for name in node.output if name in activations])
        rewriter.add(nodes[0], list(node.input))
        rewriter.nodes += nodes[1:]
    return rewriter.model(graph, graph.model.opset_import[0].version)


def _round(graph: onnx.GraphProto, untouched: set[str]) -> None:
    """Rounds all float tensors but sizes, of a graph within a node and of those within its own, to float16 and back."""
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*graph.value_info, *graph.output)}
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and tensor.name not in untouched:
            rounded = _half(numpy_helper.to_array(tensor)).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(rounded, tensor.name))
    nodes = []
    for node in graph.node:
        for inner in subgraphs(node):
            _round(inner, untouched)
        floats = [name for name in node.output if kinds.get(name) == TensorProto.FLOAT and name not in untouched]
        nodes += _rounding(node, floats)
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)


def _rounding(node: onnx.NodeProto, names: Collection[str]) -> list[onnx.NodeProto]:
    """A copy of a node, and what rounds those of its outputs to float16 and back."""
    copied = onnx.NodeProto()
    copied.CopyFrom(node)
    copied.output[:] = [f"{name}.exact" if name in names else name for name in node.output]
    nodes = [copied]
    for name in names:
        half = f"{name}.half"
        nodes.append(helper.make_node("Cast", [f"{name}.exact"], [half], name=f"{name}.to", to=TensorProto.FLOAT16))
        nodes.append(helper.make_node("Cast", [half], [name], name=f"{name}.back", to=TensorProto.FLOAT))
    return nodes


def half_range(histograms: Histograms, rounded: Agreement | None) -> HalfRange:
    """The activation that comes closest to the end of float16's range.

    Args:
        histograms: of all activations.
        rounded: what `rounded_to_half` changes; None where that was not measured.
    """
    ratios = {name: max(-each.low, each.high) / LARGEST for name, each in histograms.items()}
    tensor = max(ratios, key=lambda name: ratios[name])
    return HalfRange(ratios[tensor], tensor, len(ratios), rounded)
