"""A network in float16 as one in float32: the same numbers, computed with more digits.

Quantisation and TensorRT's files start from float32. Weights and constants are cast, which is exact; what casts between
the two is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from edgeseg_export.subgraphs import all_nodes, subgraphs

_KINDS = ("to", "dtype")
"""Attributes that hold a type."""


def to_float(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a graph whose every float16 tensor is float32."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    _cast(found.graph)
    for node in all_nodes(found.graph):
        for attribute in node.attribute:
            if attribute.name in _KINDS and attribute.i == TensorProto.FLOAT16:
                attribute.i = TensorProto.FLOAT
            for tensor in (attribute.t, *attribute.tensors):
                _widen(tensor)
    _drop_casts(found)
    return found


def _cast(graph: onnx.GraphProto) -> None:
    for tensor in (*graph.initializer, *(sparse.values for sparse in graph.sparse_initializer)):
        _widen(tensor)
    del graph.value_info[:]  # inferred again by whoever wants to know
    for value in (*graph.input, *graph.output):
        kind = tensor_type(value.type)
        if kind.elem_type == TensorProto.FLOAT16:
            kind.elem_type = TensorProto.FLOAT
    for node in graph.node:
        for inner in subgraphs(node):
            _cast(inner)


def tensor_type(kind: onnx.TypeProto) -> onnx.TypeProto.Tensor:
    """The type of a tensor, or of the tensors in a sequence or optional; an empty one of what holds none."""
    inner = kind.WhichOneof("value")
    if inner in ("sequence_type", "optional_type"):
        return tensor_type(getattr(kind, inner).elem_type)
    return kind.tensor_type if inner == "tensor_type" else onnx.TypeProto.Tensor()


def _widen(tensor: onnx.TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT16:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))


def _drop_casts(model: onnx.ModelProto) -> None:
    """Leaves out the casts of the main graph that change no type any more."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info)}
    kinds |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    results = {value.name for value in model.graph.output}
    sources: dict[str, str] = {}
    kept = []
    for node in model.graph.node:
        to = next((each.i for each in node.attribute if each.name == "to"), None)
        same = node.op_type == "Cast" and to == kinds.get(node.input[0]) == TensorProto.FLOAT
        if same and node.output[0] not in results:
            sources[node.output[0]] = sources.get(node.input[0], node.input[0])
        else:
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    _read_from(model.graph, sources)


def _read_from(graph: onnx.GraphProto, sources: Mapping[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [sources.get(name, name) for name in node.input]
        for inner in subgraphs(node):
            _read_from(inner, sources)
