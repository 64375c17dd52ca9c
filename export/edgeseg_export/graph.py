"""The last touches on an exported ONNX graph: half-size weights, and the spec in its metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgeseg.spec import METADATA_KEY, Spec

OPSET = 18
"""The highest that TensorRT 10.3 (JetPack 6) reads with all its operators, and the lowest that torch writes."""

NEWEST_IR = 10
"""Of the file's own format; ONNX Runtime reads it since 1.18. Nothing in our opset needs a newer one."""

WORTHWHILE = 256
"""Numbers in a tensor from which storing it in half the size is worth a Cast."""


def finish(model: onnx.ModelProto, spec: Spec, file: Path) -> None:
    """Checks the graph and writes it as one file, with the spec inside."""
    store_as_half(model)
    for node in model.graph.node:  # the exporter's notes: stack traces with paths of this machine
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        del value.metadata_props[:]
    del model.graph.value_info[:]
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
    model.graph.name = spec.name
    model.ir_version = min(model.ir_version, NEWEST_IR)
    helper.set_model_props(model, {METADATA_KEY: json.dumps(spec.to_json())})
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, file)


def exposing(model: onnx.ModelProto, names: Iterable[str]) -> onnx.ModelProto:
    """A copy of the model that gives these tensors too."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    given = {value.name for value in copy.graph.output}
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in given)
    return copy


def store_as_half(model: onnx.ModelProto) -> None:
    """Stores every float32 initializer whose values float16 holds exactly as float16, and a Cast to float32 after it.

    Weights files hold float16 values, so nothing is lost and the file is half the size. Runtimes fold the Casts away
    when they load the graph.
    """
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if values.size < WORTHWHILE or not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(
            helper.make_node("Cast", [f"{name}.half"], [name], name=f"{name}.cast", to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
