"""Puts somebody else's ONNX graph into ours: uint8 NHWC BGR in, logits out, with as few operators as can be.

    frame -> Cast -> [Transpose] -> [Gather] -> [Sub] -> [Div] -> the network
          -> [Transpose or Unsqueeze] -> [Gather] -> [Cast] -> [Sub] -> [Pad] -> logits

The last Sub takes the threshold of a head off, so that the kernels cut it at 0; Pad gives a multi-label head that has a
background the channel of it, which is 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgeseg.spec import Head
from edgeseg_export.foreign.model_spec import ModelSpec
from edgeseg_export.foreign.normalisation import add_normalisation
from edgeseg_export.foreign.picture_input import channels_last, frame_input
from edgeseg_export.foreign.tail import Tail
from edgeseg_export.subgraphs import outer_names, subgraphs

PREFIX = "network/"
"""Of every name in the network, so that none can be one of ours."""

ENDING = "_"
"""Of a name that another goes on from after a dot: so quantize and others name what they make of a tensor."""

UNSQUEEZE_WITH_INPUT = 13
"""The opset since which the axes of an Unsqueeze are an input."""


def wrap(
    model: onnx.ModelProto, scores: Tail, dtype: np.dtype[Any], model_spec: ModelSpec, head: Head, where: str
) -> onnx.ModelProto:
    """The graph that edgeseg runs.

    Args:
        model: what `load_foreign` gave.
        scores: where the tensor is that is to come out.
        dtype: of that tensor.
        model_spec: what the network is.
        head: what its channels mean.
        where: the model's file, for messages.
    """
    spec = model_spec.spec
    picture = frame_input(model, model_spec, where)
    kind = picture.type.tensor_type.elem_type
    graph = onnx.GraphProto()
    graph.CopyFrom(model.graph)
    ours = _our_names(_names(graph))
    _rename_all(graph, ours)
    cast = "Identity" if kind == TensorProto.UINT8 else "Cast"
    nodes = [helper.make_node(cast, ["frame"], ["frame.float"], name="frame.float")]
    if kind != TensorProto.UINT8:
        nodes[0].attribute.append(helper.make_attribute("to", kind))
    last = channels_last(picture)
    if not last:
        nodes.append(
            helper.make_node("Transpose", ["frame.float"], ["frame.planar"], name="frame.planar", perm=[0, 3, 1, 2])
        )
    entry = ours[picture.name]
    numbers = helper.tensor_dtype_to_np_dtype(kind)
    constants = add_normalisation(graph, entry, model_spec.preparation, numbers, nodes, last)
    nodes[-1].output[0] = entry
    tail, logits = _to_logits(
        scores, ours[scores.logits], dtype, model_spec, head, constants, model.opset_import[0].version
    )
    wrapped = _needed([*nodes, *graph.node, *tail], logits)
    _rename(wrapped, logits, "logits")
    used = {name for node in wrapped for name in outer_names(node)}
    size = ["height", "width"] if spec.dynamic else [spec.height, spec.width]
    batch = "batch" if spec.batch > 1 else 1
    count = None if model_spec.channels is None else len(model_spec.channels) + _has_background(head)
    return helper.make_model(
        helper.make_graph(
            wrapped,
            spec.name,
            [helper.make_tensor_value_info("frame", TensorProto.UINT8, [batch, *size, 3])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, count, None, None])],
            [tensor for tensor in (*constants, *graph.initializer) if tensor.name in used],
        ),
        opset_imports=[entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")],
        ir_version=max(model.ir_version, 8),
    )


def _to_logits(
    scores: Tail,
    source: str,
    dtype: np.dtype[Any],
    model_spec: ModelSpec,
    head: Head,
    constants: list[onnx.TensorProto],
    opset: int,
) -> tuple[list[onnx.NodeProto], str]:
    """The nodes that make float32 logits, cut at 0, of a network's scores, `source`, and the name of their result."""
    nodes: list[onnx.NodeProto] = []

    def add(kind: str, name: str, *values: NDArray[np.generic], **attributes: Any) -> None:
        before = nodes[-1].output[0] if nodes else source
        names = [f"{name}.{place}" for place in range(len(values))]
        constants.extend(numpy_helper.from_array(value, each) for value, each in zip(values, names, strict=True))
        nodes.append(helper.make_node(kind, [before, *names], [name], name=name, **attributes))

    if scores.form == "last":
        add("Transpose", "planar", perm=[0, 3, 1, 2])
    if scores.form == "none" and opset >= UNSQUEEZE_WITH_INPUT:
        add("Unsqueeze", "planar", np.array([1], np.int64))
    elif scores.form == "none":
        add("Unsqueeze", "planar", axes=[1])
    if model_spec.channels is not None:
        add("Gather", "chosen", np.array(model_spec.channels, np.int64), axis=1)
    if dtype != np.float32:
        add("Cast", "scores", to=TensorProto.FLOAT)
    if head.threshold:
        add("Sub", "above", np.array(head.threshold, np.float32))
    if _has_background(head):
        add("Pad", "labels", np.array([0, 1, 0, 0, 0, 0, 0, 0], np.int64), np.array(0, np.float32))
    return nodes, nodes[-1].output[0] if nodes else source


def _has_background(head: Head) -> bool:
    """Whether a class stands for what no channel of the network does."""
    return head.kind == "multi-label" and head.exclusive


def _names(graph: onnx.GraphProto) -> set[str]:
    """Of the tensors and nodes of a graph, and of those within its nodes, which read the tensors around them."""
    names = {value.name for value in (*graph.initializer, *graph.input, *graph.output)}
    for node in graph.node:
        names.update(node.input, node.output, [node.name])
        for inner in subgraphs(node):
            names |= _names(inner)
    return names - {""}


def _our_names(names: set[str]) -> dict[str, str]:
    """Names with PREFIX, of which none goes on from another after a dot: "x" and "x.half" become "x_" and "x.half"."""
    stems = {name[: dot.start()] for name in names for dot in re.finditer(r"\.", name)}
    taken = names | stems
    ours = {}
    for name in sorted(names):
        free = name
        while name in stems and free in taken:
            free += ENDING
        taken.add(free)
        ours[name] = PREFIX + free
    return ours


def _rename_all(graph: onnx.GraphProto, ours: Mapping[str, str]) -> None:
    """Gives every tensor and node its new name, in inner graphs too."""
    for value in (*graph.initializer, *graph.input, *graph.output):
        value.name = ours[value.name]
    for node in graph.node:
        node.name = ours[node.name] if node.name else ""
        for names in (node.input, node.output):
            names[:] = [ours[name] if name else "" for name in names]
        for inner in subgraphs(node):
            _rename_all(inner, ours)
            del inner.value_info[:]


def _needed(nodes: list[onnx.NodeProto], output: str) -> list[onnx.NodeProto]:
    """The nodes that `output` depends on, in their order."""
    names, subgraph = {output}, []
    for node in reversed(nodes):
        if names & set(node.output):
            subgraph.append(node)
            names |= outer_names(node)
    return subgraph[::-1]


def _rename(nodes: list[onnx.NodeProto], old: str, new: str) -> None:
    for node in nodes:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
