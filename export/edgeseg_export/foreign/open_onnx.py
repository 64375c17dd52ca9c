"""Opens ONNX files of other people, which are not trusted: what is not plain ONNX is refused, by its name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import external_data_helper, helper, inliner, numpy_helper

from edgeseg.engines import first_line
from edgeseg.errors import ExportError
from edgeseg.files import LARGEST_MODEL, read_file, real
from edgeseg.onnx_wire import has_external_data
from edgeseg.picture_header import LFS_POINTER
from edgeseg_export.subgraphs import all_nodes, outer_names, subgraphs

OPSETS = range(9, 25)
"""Versions of the ONNX operators that are accepted."""

CONVERTERS = {".tflite": "tf2onnx", ".pb": "tf2onnx", ".h5": "tf2onnx", ".keras": "tf2onnx", ".pdmodel": "paddle2onnx"}
"""What makes ONNX of files of other libraries, by their suffix."""

BUILT = (".engine", ".plan", ".trt", ".xml", ".ort", ".mlmodel", ".rknn", ".hef")
"""Suffixes of what runtimes make of ONNX files."""

_OWN = ("", "ai.onnx")
_ONE = (1).to_bytes(8, "little")  # int64
_CONSTANTS = {"value": "", "value_float": "f4", "value_floats": "f4", "value_int": "i8", "value_ints": "i8"}


def load_foreign(path: Path) -> onnx.ModelProto:
    """An ONNX model with all its weights, whose constants are initializers and whose functions are inlined.

    Sizes that are not above 0 are open. Its one opset is that of ONNX's own operators.

    Raises:
        ExportError: the file is missing or no ONNX model, keeps weights outside its folder, gives no tensor, or holds
            operators that are not ONNX's own or of a version that is not supported.
    """
    try:
        content = read_file(path, LARGEST_MODEL)
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror or error}; check the path") from error
    if content.startswith(LFS_POINTER):
        raise ExportError(f"{path} is a pointer of Git LFS, no ONNX model; fetch the file itself, git lfs pull")
    try:
        has_external_data(content)  # other files may hold weights here; what is written in an odd way is refused
        model = onnx.load_model_from_string(content)
    except ValueError as error:
        raise ExportError(f"{path} is not an ONNX model ({error}); {_advice(path)}") from error
    except Exception as error:  # protobuf's exceptions share no base with Python's
        raise ExportError(f"{path} is not an ONNX model; {_advice(path)}") from error
    if not model.graph.node or not _is_text(model):
        raise ExportError(f"{path} is not an ONNX model, or a damaged one; {_advice(path)}")
    _load_external(model, path)
    sparse_to_dense(model.graph, str(path))
    open_sizes(model.graph)
    if model.functions:
        try:
            model = inliner.inline_local_functions(model, convert_version=True)
        except Exception as error:  # ONNX's exceptions share no base of their own.
            reason = first_line(error).rpartition("failed: ")[2]  # without the converter's own source line
            raise ExportError(f"{path} has functions that cannot be inlined ({reason}); export it again") from error
    check_operators(model, str(path))
    if not tensor_outputs(model):
        raise ExportError(f"{path} gives no tensor, expected scores for each pixel; export it with an output")
    constants_to_initializers(model)
    sort_nodes(model.graph, str(path))
    copy_shared_weights(model.graph)
    top_one_to_arg_max(model.graph)
    return model


def _advice(path: Path) -> str:
    """How to come to an ONNX file from one that is none."""
    if path.suffix in (".pt", ".pth", ".ckpt", ".safetensors"):
        return f"PyTorch weights go with their code: edgeseg export package.module:factory --weights {path.name}"
    if path.suffix == ".pt2":
        return f'write one by torch.onnx.export(torch.export.load("{path.name}"), f="model.onnx")'
    if (converter := CONVERTERS.get(path.suffix)) is not None:
        return f"convert it with {converter} first"
    if path.suffix in BUILT:
        return "it cannot be turned back; give the ONNX file that it was built from"
    return "give a file that an exporter wrote"


def sparse_to_dense(graph: onnx.GraphProto, where: str) -> None:
    """Writes out the constants of which only the values that are not 0 are kept: no engine but ONNX Runtime has those.

    Raises:
        ExportError: one is damaged, or too large.
    """
    graph.initializer.extend(_dense(sparse, where) for sparse in graph.sparse_initializer)
    del graph.sparse_initializer[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.SPARSE_TENSOR:
                attribute.CopyFrom(helper.make_attribute("value", _dense(attribute.sparse_tensor, where)))
        for inner in subgraphs(node):
            sparse_to_dense(inner, where)


def _dense(sparse: onnx.SparseTensorProto, where: str) -> onnx.TensorProto:
    """Of a list of values, and of their places: by number, or by row, column and so on."""
    name, shape = sparse.values.name, tuple(sparse.dims)
    try:
        values, places = (numpy_helper.to_array(each) for each in (sparse.values, sparse.indices))
        if min(shape, default=0) < 1 or math.prod(shape) * values.itemsize > LARGEST_MODEL:
            raise ValueError(f"its shape is {shape}")
        if places.min(initial=0) < 0:
            raise ValueError("a value lies before its beginning")
        dense = np.zeros(shape, values.dtype)
        dense.reshape(-1)[places if places.ndim == 1 else np.ravel_multi_index(tuple(places.T), shape)] = values
    except (ValueError, IndexError, TypeError) as error:
        raise ExportError(f"{where} has damaged weights, {name!r:.80} ({error}); export it again") from error
    return numpy_helper.from_array(dense, name)


def open_sizes(graph: onnx.GraphProto) -> None:
    """Leaves open the sizes that are written as -1 or 0, as some exporters do for "any"; no picture has such a size."""
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.HasField("dim_value") and dim.dim_value < 1:
                dim.ClearField("dim_value")


def sort_nodes(graph: onnx.GraphProto, where: str) -> None:
    """Puts nodes into the order of computation, which ONNX asks for and some tools do not keep.

    Raises:
        ExportError: a node reads what no node before it can have made.
    """
    ready = {value.name for value in (*graph.input, *graph.initializer)}
    waiting, ordered = list(graph.node), []
    while waiting:
        still = []
        for node in waiting:
            if all(name in ready for name in outer_names(node)):
                ordered.append(node)
                ready.update(node.output)
            else:
                still.append(node)
        if len(still) == len(waiting):
            raise ExportError(f"{where} reads what nothing computes, in {still[0].op_type}; export it again")
        waiting = still
    del graph.node[:]
    graph.node.extend(ordered)


def check_operators(model: onnx.ModelProto, where: str) -> None:
    """Refuses operators that are not ONNX's own, by name, and versions that are not supported; one domain is left.

    Raises:
        ExportError: there are some.
    """
    custom = sorted({f"{node.domain}:{node.op_type}" for node in all_nodes(model.graph) if node.domain not in _OWN})
    if custom:
        raise ExportError(
            f"{where} needs custom operators, which no other runtime has: {', '.join(custom)}; export it again with "
            "plain ONNX operators, and without a runtime's own optimisations"
        )
    versions = {entry.version for entry in model.opset_import if entry.domain in _OWN}
    if len(versions) != 1 or not versions <= {*OPSETS}:
        raise ExportError(
            f"{where} has opset {', '.join(map(str, sorted(versions))) or 'none'}, expected {OPSETS[0]} to "
            f"{OPSETS[-1]}; export it again with one of these"
        )
    del model.opset_import[:]  # tools list domains that nothing needs, in any order
    model.opset_import.append(helper.make_opsetid("", versions.pop()))
    for node in all_nodes(model.graph):
        node.domain = ""
    unknown = sorted({node.op_type for node in all_nodes(model.graph) if not onnx.defs.has(node.op_type)})
    if unknown:
        raise ExportError(f"{where} holds {', '.join(unknown)}, which ONNX does not define; export it again")
    if any(node.op_type == "Constant" and not node.attribute for node in all_nodes(model.graph)):
        raise ExportError(f"{where} holds a Constant without a value, so it is damaged; export it again")


def tensor_outputs(model: onnx.ModelProto) -> list[str]:
    """Names of what a model gives, but for sequences and the like."""
    kinds = {value.name: value.type.WhichOneof("value") for value in model.graph.output}
    return [name for name, kind in kinds.items() if kind in (None, "tensor_type")]


def constants_to_initializers(model: onnx.ModelProto) -> None:
    """Replaces the Constant nodes of the main graph by initializers, where other code looks for weights."""
    nodes = []
    for node in model.graph.node:
        if node.op_type != "Constant" or node.attribute[0].name not in _CONSTANTS:
            nodes.append(node)
            continue
        attribute = node.attribute[0]
        if attribute.name == "value":
            model.graph.initializer.append(attribute.t)
        else:
            values = np.asarray(helper.get_attribute_value(attribute), _CONSTANTS[attribute.name])
            model.graph.initializer.append(numpy_helper.from_array(values))
        model.graph.initializer[-1].name = node.output[0]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def copy_shared_weights(graph: onnx.GraphProto) -> None:
    """Replaces each Identity of an initializer by an initializer: torch's older exporter shares equal weights so."""
    known = {tensor.name: tensor for tensor in graph.initializer}
    outputs = {value.name for value in graph.output}
    nodes = []
    for node in graph.node:
        if node.op_type != "Identity" or node.input[0] not in known or node.output[0] in outputs:
            nodes.append(node)
            continue
        copy = graph.initializer.add()
        copy.CopyFrom(known[node.input[0]])
        copy.name = node.output[0]
        known[copy.name] = copy
    del graph.node[:]
    graph.node.extend(nodes)


def top_one_to_arg_max(graph: onnx.GraphProto) -> None:
    """Writes a TopK of which only the place of the one highest value is read as an ArgMax, which has the same ties."""
    read = {name for node in graph.node for name in outer_names(node)} | {value.name for value in graph.output}
    # Values are read as they are stored, as a damaged tensor has none.
    ones = {each.name for each in graph.initializer if each.raw_data == _ONE or each.int64_data[:2] == [1]}
    for node in graph.node:
        if node.op_type != "TopK" or not {*node.input[1:]} & ones or node.output[0] in read:
            continue
        attributes = {each.name: each.i for each in node.attribute}
        if attributes.get("largest", 1):
            axis = attributes.get("axis", -1)
            node.CopyFrom(helper.make_node("ArgMax", node.input[:1], node.output[1:], node.name, axis=axis))


def _is_text(model: onnx.ModelProto) -> bool:
    """Whether all names are text: protobuf hands out bytes where they are not."""
    nodes = list(all_nodes(model.graph))
    named = [*nodes, *model.graph.initializer, *model.graph.input, *model.graph.output]
    texts = [each.name for each in named]
    for node in nodes:
        texts += [node.op_type, node.domain, *node.input, *node.output, *(each.name for each in node.attribute)]
    return all(isinstance(text, str) for text in texts)


def _load_external(model: onnx.ModelProto, path: Path) -> None:
    """Reads weights that lie in other files; those must lie in the model's folder, links followed."""
    folder = real(path.parent)
    total = 0
    for tensor in _tensors(model.graph):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        place = entries.get("location", "")
        file = folder / place
        if not place or Path(place).is_absolute() or "\0" in place or not real(file).is_relative_to(folder):
            raise ExportError(
                f"{path} keeps weights in {place!r:.120}, which leads out of its folder; put that file beside the model"
            )
        if not file.is_file():
            raise ExportError(f"{path} keeps weights in {place!r:.120}, which is not there; put it beside the model")
        try:
            offset, length = int(entries.get("offset", 0)), int(entries.get("length", -1))
        except ValueError:
            offset = -1
        size = file.stat().st_size
        if offset < 0 or offset + max(0, length) > size:
            raise ExportError(f"{path} keeps {tensor.name!r:.80} beyond the end of {place!r:.120}; fetch both again")
        total += length if length >= 0 else size - offset
        if total > LARGEST_MODEL:
            raise ExportError(f"{path} has more than 2 GB of weights, which one file cannot hold; choose a smaller one")
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        except (OSError, ValueError, onnx.checker.ValidationError) as error:
            reason = str(error)[:160]
            raise ExportError(f"{path}: {place!r:.120} cannot be read ({reason}); fetch both again") from error
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
        for inner in subgraphs(node):
            yield from _tensors(inner)
