"""FP16 in the types of the graph, as TensorRT 11 wants it; and the proof that float16's range holds every activation.

ONNX Runtime computes float16 nodes in float32 on a CPU, which proves the graph and not the range. So the range is
proved on the float32 graph, with every computed tensor rounded to float16 and back: what a GPU stores, whose
convolutions add up in float32.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgeseg.agreement import Agreement
from edgeseg.errors import ExportError
from edgeseg.measured import HalfRange
from edgeseg_export.precision.calibration import Histograms
from edgeseg_export.precision.float_graph import FloatGraph
from edgeseg_export.precision.qdq import Rewriter

OPSET = 19
"""The first whose QuantizeLinear takes float16."""

LARGEST = 65504.0
"""Of float16."""

CUTTING = frozenset({"Where", "Clip", "Max", "Min", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"})
"""Operators whose constants beyond float16 stand for "infinitely far", as in masks: the end of the range does too."""

_SCALES = {"Resize": 2}
"""Inputs that stay float32 by the operator's definition."""


def to_half(graph: FloatGraph) -> onnx.ModelProto:
    """The graph with float16 for float32; its output is cast back, so that all artifacts give float32 logits."""
    rewriter = Rewriter()
    untouched = {
        node.input[place]
        for node in graph.nodes
        for kind, place in _SCALES.items()
        if node.op_type == kind and len(node.input) > place
    }
    for name, constant in graph.constants.items():
        if constant.dtype == np.float32 and name not in untouched:
            readers = {node.op_type for node in graph.nodes if name in node.input}
            if np.abs(constant).max(initial=0.0) > LARGEST and (not readers or readers - CUTTING):
                raise ExportError(f"constant {name} exceeds float16's {LARGEST:g}; keep this network in fp32")
            rewriter.constant(name, np.clip(constant, -LARGEST, LARGEST).astype(np.float16))
    for node in graph.nodes:
        inputs = list(node.input)
        copied = onnx.NodeProto()
        copied.CopyFrom(node)
        if node.op_type == "Cast" and helper.get_node_attr_value(node, "to") == TensorProto.FLOAT:
            del copied.attribute[:]
            copied.attribute.append(helper.make_attribute("to", TensorProto.FLOAT16))
        for place, name in enumerate(copied.output):
            if name in graph.outputs:
                copied.output[place] = f"{name}.half"
        rewriter.add(copied, [f"{name}.half" if name in graph.outputs else name for name in inputs])
    for name in sorted(graph.outputs):
        rewriter.nodes.append(
            helper.make_node("Cast", [f"{name}.half"], [name], name=f"{name}.float", to=TensorProto.FLOAT)
        )
    return rewriter.model(graph, OPSET)


def rounded_to_half(graph: FloatGraph, activations: Collection[str]) -> onnx.ModelProto:
    """The float32 graph with every float constant and the computed `activations` rounded to float16 and back."""
    rewriter = Rewriter()
    for name, constant in graph.constants.items():
        if constant.dtype == np.float32:
            half = np.clip(constant, -LARGEST, LARGEST).astype(np.float16)
            rewriter.constant(name, half.astype(np.float32))
    for node in graph.nodes:
        copied = onnx.NodeProto()
        copied.CopyFrom(node)
        rounded = [name for name in node.output if name in activations]
        del copied.output[:]
        copied.output.extend(f"{name}.exact" if name in rounded else name for name in node.output)
        rewriter.add(copied, list(node.input))
        for name in rounded:
            half = f"{name}.half"
            rewriter.nodes.append(
                helper.make_node("Cast", [f"{name}.exact"], [half], name=f"{name}.to", to=TensorProto.FLOAT16)
            )
            rewriter.nodes.append(helper.make_node("Cast", [half], [name], name=f"{name}.back", to=TensorProto.FLOAT))
    return rewriter.model(graph, graph.model.opset_import[0].version)


def half_range(histograms: Histograms, rounded: Agreement) -> HalfRange:
    """The activation that comes closest to the end of float16's range.

    Args:
        histograms: of all activations.
        rounded: what `rounded_to_half` changes.
    """
    ratios = {name: max(-each.low, each.high) / LARGEST for name, each in histograms.items()}
    tensor = max(ratios, key=lambda name: ratios[name])
    return HalfRange(ratios[tensor], tensor, len(ratios), rounded)


def widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """A float16 graph computed in float32 with the same constants, for measuring where float16 is slow."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    for tensor in wide.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    for node in wide.graph.node:
        if node.op_type == "Cast" and helper.get_node_attr_value(node, "to") == TensorProto.FLOAT16:
            del node.attribute[:]
            node.attribute.append(helper.make_attribute("to", TensorProto.FLOAT))
    return wide
