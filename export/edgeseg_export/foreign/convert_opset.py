"""A network of another opset as one of ours: by ONNX's converter, and by hand where that falls short."""

from __future__ import annotations

import onnx
from onnx import helper, inliner, version_converter

from edgeseg.engines import first_line
from edgeseg.errors import ExportError
from edgeseg_export.foreign.tail import RESIZE_WITH_COORDINATES
from edgeseg_export.subgraphs import all_nodes
from edgeseg_export.to_onnx import OPSET

REDEFINED = frozenset({"GroupNormalization"})
"""Operators that mean something else since opset 19 or later."""


def converted(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """The same with the operators of our opset, the one that every engine reads.

    Args:
        model: whose one opset is of ONNX's own operators.
        where: its file, for messages.

    Raises:
        ExportError: an operator cannot be converted; the message says which.
    """
    opset = model.opset_import[0].version
    if opset == OPSET:
        return model
    try:
        result = version_converter.convert_version(_spelled_out(model, opset), OPSET)
    except Exception as error:  # the converter's exceptions share no base of their own.
        reason = first_line(error).rpartition("failed: ")[2]  # without the converter's own source line
        raise ExportError(
            f"{where} has opset {opset}, which cannot be converted to {OPSET}: {reason}; export it with opset {OPSET}"
        ) from error
    for node in all_nodes(result.graph):  # which float8 alone asks for, and opset 18 does not know
        kept = [each for each in node.attribute if each.name != "saturate"]
        if node.op_type in ("Cast", "CastLike", "QuantizeLinear") and len(kept) < len(node.attribute):
            del node.attribute[:]
            node.attribute.extend(kept)
    if opset < RESIZE_WITH_COORDINATES:  # the converter leaves the default of now, which is another
        for node in all_nodes(result.graph):
            if node.op_type == "Resize":
                node.attribute.append(helper.make_attribute("coordinate_transformation_mode", "asymmetric"))
                node.attribute.append(helper.make_attribute("nearest_mode", "floor"))
    return result


def _spelled_out(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """The same with older operators in place of those that our opset does not know, where ONNX says how."""
    present = {node.op_type for node in all_nodes(model.graph)}
    names = sorted(name for name in present if opset > OPSET and _is_newer(name))
    if not names:
        return model
    typed = onnx.ModelProto()
    typed.CopyFrom(model)
    typed.graph.value_info.extend(  # the inliner asks for the types of what a function reads
        helper.make_tensor_value_info(each.name, each.data_type, each.dims) for each in model.graph.initializer
    )
    return inliner.inline_selected_functions(typed, [("", name) for name in names], inline_schema_functions=True)


def _is_newer(name: str) -> bool:
    """Whether an operator is none of our opset, or another one there."""
    return name in REDEFINED or not onnx.defs.has(name, OPSET)
