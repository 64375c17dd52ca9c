"""A network in float16 as one in float32: the same numbers, computed with more digits.

Quantisation and TensorRT's files start from float32. Weights and constants are cast, which is exact; what casts between
the two is left out.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from edgeseg_export.subgraphs import all_nodes, read_from, subgraphs

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
            retype(attribute.tp, TensorProto.FLOAT16, TensorProto.FLOAT)
            for tensor in (attribute.t, *attribute.tensors):
                _widen(tensor)
    _drop_casts(found)
    return found


def _cast(graph: onnx.GraphProto) -> None:
    for tensor in (*graph.initializer, *(sparse.values for sparse in graph.sparse_initializer)):
        _widen(tensor)
    del graph.value_info[:]  # inferred again by whoever wants to know
    for value in (*graph.input, *graph.output):
        retype(value.type, TensorProto.FLOAT16, TensorProto.FLOAT)
    for node in graph.node:
        for inner in subgraphs(node):
            _cast(inner)


def retype(kind: onnx.TypeProto, old: int, new: int) -> None:
    """Puts one type of numbers for another in the type of a tensor, or of the tensors in a sequence or optional."""
    inner = kind.WhichOneof("value")
    if inner in ("sequence_type", "optional_type"):
        retype(getattr(kind, inner).elem_type, old, new)
    elif inner == "tensor_type" and kind.tensor_type.elem_type == old:
        kind.tensor_type.elem_type = new


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
    read_from(model.graph, sources)
