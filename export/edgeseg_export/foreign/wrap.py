"""Puts somebody else's ONNX graph into ours: uint8 NHWC BGR in, logits out, with as few operators as can be.

    frame -> Cast -> [Transpose] -> [Gather] -> [Sub] -> [Div] -> the network
          -> [Transpose] -> [Gather] -> [Cast] -> [Sub] -> [Pad] -> logits

The last Sub takes the threshold of a head off, so that the kernels cut it at 0; Pad gives a multi-label head that has a
background the channel of it, which is 0.

Where the input goes to one convolution alone, the channel order is folded into its weights; so are mean and standard
deviation where they differ by channel: the deviation always, the mean if nothing is padded (padding means 0 after the
normalisation). Where they are the same for all channels they stay, as INT8 engines then read the bytes as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgeseg.errors import ExportError, SpecError
from edgeseg.spec import Head
from edgeseg_export.foreign.model_spec import ModelSpec, Preparation
from edgeseg_export.foreign.tail import Tail
from edgeseg_export.subgraphs import subgraphs

PREFIX = "network/"
"""Of every name in the network, so that none can be one of ours."""

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)
LEVELS = (TensorProto.UINT8,)
"""Of an input that takes a picture's own levels."""


def frame_input(model: onnx.ModelProto, model_spec: ModelSpec, where: str) -> onnx.ValueInfoProto:
    """The network's one input, which must be able to take the spec's frames.

    Raises:
        ExportError: it is not one float or uint8 (N, 3, H, W) or (N, H, W, 3).
        SpecError: it has another size than the spec says, or levels that are to be normalised are uint8.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs: list[onnx.ValueInfoProto] = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "nothing"
        raise ExportError(f"{where} takes {names}, expected one input, a picture; export it with just that")
    kind = inputs[0].type.tensor_type
    sizes = [dim.dim_value for dim in kind.shape.dim]  # 0: any
    last = channels_last(inputs[0])
    if kind.elem_type not in (*FLOATS, *LEVELS) or len(sizes) != 4 or not (last or sizes[1] in (0, 3)):
        known = kind.elem_type in TensorProto.DataType.values()
        name = TensorProto.DataType.Name(kind.elem_type).lower() if known else "something"
        shape = ", ".join(str(size or "?") for size in sizes) or "of no stated shape"
        raise ExportError(
            f"{where} takes {name} ({shape}), expected float or uint8 (1, 3, height, width) or (1, height, width, 3); "
            "export it like that"
        )
    if kind.elem_type in LEVELS and not model_spec.preparation.changes_nothing:
        raise SpecError(f"{where} takes uint8 levels, which cannot be normalised; say mean 0 and std 1")
    spec = model_spec.spec
    if spec.batch > 1 and sizes[0]:
        raise ExportError(
            f"{where} takes {sizes[0]} pictures at once, no other number; export it with a batch that is dynamic, or "
            "leave --batch out"
        )
    if sizes[0] not in (0, 1):
        raise ExportError(f"{where} takes {sizes[0]} pictures at once, expected 1; export it with a batch of 1")
    height, width = sizes[1:3] if last else sizes[2:]
    if spec.dynamic and (height or width):
        raise SpecError(f'{where} takes {said_size(width, height)} alone, but the spec says "dynamic"; write false')
    if height not in (0, spec.height) or width not in (0, spec.width):
        said = said_size(width, height)
        raise SpecError(f"{where} takes {said}, the spec says {spec.width}x{spec.height}; correct it")
    return inputs[0]


def said_size(width: int, height: int) -> str:
    """A size in words, of which 0 is any."""
    return "x".join(str(side or "any") for side in (width, height))


def channels_last(picture: onnx.ValueInfoProto) -> bool:
    """Whether an input is (N, H, W, 3), as TensorFlow has it, rather than (N, 3, H, W)."""
    sizes = [dim.dim_value for dim in picture.type.tensor_type.shape.dim]
    return len(sizes) == 4 and sizes[3] == 3 and sizes[1] != 3


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
    _prefix(graph)
    cast = "Identity" if kind in LEVELS else "Cast"
    nodes = [helper.make_node(cast, ["frame"], ["frame.float"], name="frame.float")]
    if kind not in LEVELS:
        nodes[0].attribute.append(helper.make_attribute("to", kind))
    last = channels_last(picture)
    if not last:
        nodes.append(
            helper.make_node("Transpose", ["frame.float"], ["frame.planar"], name="frame.planar", perm=[0, 3, 1, 2])
        )
    entry = PREFIX + picture.name
    constants = _normalise(graph, entry, model_spec.preparation, helper.tensor_dtype_to_np_dtype(kind), nodes, last)
    nodes[-1].output[0] = entry
    tail, logits = _to_logits(scores, dtype, model_spec, head, constants)
    wrapped = _needed([*nodes, *graph.node, *tail], logits)
    _rename(wrapped, logits, "logits")
    used = {name for node in wrapped for name in _reads(node)}
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
            sparse_initializer=[tensor for tensor in graph.sparse_initializer if tensor.values.name in used],
        ),
        opset_imports=[entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")],
        ir_version=max(model.ir_version, 8),
    )


def _to_logits(
    scores: Tail, dtype: np.dtype[Any], model_spec: ModelSpec, head: Head, constants: list[onnx.TensorProto]
) -> tuple[list[onnx.NodeProto], str]:
    """The nodes that make float32 logits, cut at 0, of a network's scores, and the name of their result."""
    nodes: list[onnx.NodeProto] = []

    def add(kind: str, name: str, *values: NDArray[np.generic], **attributes: Any) -> None:
        source = nodes[-1].output[0] if nodes else PREFIX + scores.logits
        names = [f"{name}.{place}" for place in range(len(values))]
        constants.extend(numpy_helper.from_array(value, each) for value, each in zip(values, names, strict=True))
        nodes.append(helper.make_node(kind, [source, *names], [name], name=name, **attributes))

    if scores.last:
        add("Transpose", "planar", perm=[0, 3, 1, 2])
    if model_spec.channels is not None:
        add("Gather", "chosen", np.array(model_spec.channels, np.int64), axis=1)
    if dtype != np.float32:
        add("Cast", "scores", to=TensorProto.FLOAT)
    if head.threshold:
        add("Sub", "above", np.array(head.threshold, np.float32))
    if _has_background(head):
        add("Pad", "labels", np.array([0, 1, 0, 0, 0, 0, 0, 0], np.int64), np.array(0, np.float32))
    return nodes, nodes[-1].output[0] if nodes else PREFIX + scores.logits


def _has_background(head: Head) -> bool:
    """Whether a class stands for what no channel of the network does."""
    return head.kind == "multi-label" and head.exclusive


def _normalise(
    graph: onnx.GraphProto,
    entry: str,
    preparation: Preparation,
    dtype: np.dtype[Any],
    nodes: list[onnx.NodeProto],
    last: bool,
) -> list[onnx.TensorProto]:
    """Adds what stands between the float BGR frame and the network; returns the constants that it reads.

    Args:
        graph: the network; its first convolution may change.
        entry: name of its input.
        preparation: what it wants.
        dtype: of its input.
        nodes: to add to.
        last: the channels are the last axis, not the second.
    """
    mean, deviation = preparation.levels
    reverse = preparation.colour == "RGB"
    uniform = len(set(mean)) == 1 and len(set(deviation)) == 1
    convolution = None if last else _only_convolution(graph, entry)
    constants: list[onnx.TensorProto] = []

    def add(kind: str, name: str, values: NDArray[np.generic], **attributes: Any) -> None:
        constants.append(numpy_helper.from_array(values, name))
        nodes.append(helper.make_node(kind, [nodes[-1].output[0], name], [f"frame.{name}"], name=name, **attributes))

    if convolution is not None and reverse:
        weight = _tensor(graph, convolution.input[1])
        _replace(weight, numpy_helper.to_array(weight)[:, ::-1])
        mean, deviation, reverse = mean[::-1], deviation[::-1], False
    if reverse:
        add("Gather", "order", np.array([2, 1, 0], np.int64), axis=3 if last else 1)
    if convolution is not None and not uniform and dtype == np.float32:
        weight = _tensor(graph, convolution.input[1])
        scaled = numpy_helper.to_array(weight).astype(np.float64) / deviation[None, :, None, None]
        _replace(weight, scaled.astype(np.float32))
        deviation = np.ones(3)
        if _unpadded(convolution) and _has_plain_bias(graph, convolution):
            _shift(graph, convolution, -(scaled * mean[None, :, None, None]).sum(axis=(1, 2, 3)))
            mean = np.zeros(3)
    shape = () if uniform else (3,) if last else (1, 3, 1, 1)
    if mean.any():
        add("Sub", "mean", np.resize(mean, shape).astype(dtype))
    if (deviation != 1).any():
        add("Div", "deviation", np.resize(deviation, shape).astype(dtype))
    return constants


def _only_convolution(graph: onnx.GraphProto, entry: str) -> onnx.NodeProto | None:
    """The convolution that alone reads the input, if its weights are constants that nobody else reads."""
    readers = [node for node in graph.node if entry in _reads(node)]
    if len(readers) != 1 or readers[0].op_type != "Conv" or entry in {value.name for value in graph.output}:
        return None
    weight = readers[0].input[1]
    shared = sum(weight in _reads(node) for node in graph.node) > 1
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    groups = next((each.i for each in readers[0].attribute if each.name == "group"), 1)
    return readers[0] if kinds.get(weight) in FLOATS and not shared and groups == 1 else None


def _unpadded(convolution: onnx.NodeProto) -> bool:
    attributes = {each.name: helper.get_attribute_value(each) for each in convolution.attribute}
    return not any(attributes.get("pads", [])) and attributes.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID")


def _has_plain_bias(graph: onnx.GraphProto, convolution: onnx.NodeProto) -> bool:
    """Whether a convolution's bias is a constant, or absent; weights that are stored compressed are computed."""
    bias = convolution.input[2] if len(convolution.input) > 2 else ""
    return not bias or any(tensor.name == bias for tensor in graph.initializer)


def _shift(graph: onnx.GraphProto, convolution: onnx.NodeProto, by: NDArray[np.float64]) -> None:
    """Adds to a convolution's bias."""
    bias = np.zeros(len(by))
    if len(convolution.input) > 2 and convolution.input[2]:
        bias = numpy_helper.to_array(_tensor(graph, convolution.input[2])).astype(np.float64)
    name = f"{convolution.input[1]}.shifted"
    graph.initializer.append(numpy_helper.from_array((bias + by).astype(np.float32), name))
    del convolution.input[2:]
    convolution.input.append(name)


def _prefix(graph: onnx.GraphProto) -> None:
    """Puts PREFIX before every name; in inner graphs too, as they read the tensors of the graph around them."""
    for value in (*graph.initializer, *graph.input, *graph.output):
        value.name = PREFIX + value.name
    for sparse in graph.sparse_initializer:
        sparse.values.name = PREFIX + sparse.values.name
    for node in graph.node:
        node.name = PREFIX + node.name if node.name else ""
        for names in (node.input, node.output):
            names[:] = [PREFIX + name if name else "" for name in names]
        for inner in subgraphs(node):
            _prefix(inner)
            del inner.value_info[:]


def _needed(nodes: list[onnx.NodeProto], output: str) -> list[onnx.NodeProto]:
    """The nodes that `output` depends on, in their order."""
    names, subgraph = {output}, []
    for node in reversed(nodes):
        if names & set(node.output):
            subgraph.append(node)
            names |= set(_reads(node))
    return subgraph[::-1]


def _reads(node: onnx.NodeProto) -> list[str]:
    """Names that a node reads, those that only its inner graphs read with them."""
    return [*node.input, *(name for graph in subgraphs(node) for inner in graph.node for name in _reads(inner))]


def _rename(nodes: list[onnx.NodeProto], old: str, new: str) -> None:
    for node in nodes:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new


def _tensor(graph: onnx.GraphProto, name: str) -> onnx.TensorProto:
    tensors: dict[str, onnx.TensorProto] = {tensor.name: tensor for tensor in graph.initializer}
    return tensors[name]


def _replace(tensor: onnx.TensorProto, values: NDArray[np.generic]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))
