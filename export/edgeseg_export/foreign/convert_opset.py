"""A network of another opset as one of ours: by ONNX's converter, and by hand where that falls short."""

from __future__ import annotations

import onnx
from onnx import helper, inliner, version_converter

from edgeseg.engines import first_line
from edgeseg.errors import ExportError
from edgeseg_export.foreign.tail import RESIZE_WITH_COORDINATES
from edgeseg_export.graph import OPSET
from edgeseg_export.subgraphs import all_nodes

REDEFINED = frozenset({"GroupNormalization"})
"""Operators that mean something else since opset 19 or later."""

UNCONVERTED = frozenset({"ConstantOfShape", "GlobalMaxPool", "GridSample"})
"""Operators that ONNX's converter has no way down for, though they only take more types since, or have other words."""

NEWER_ATTRIBUTES = {
    "Cast": "saturate",
    "CastLike": "saturate",
    "QuantizeLinear": "saturate",
    "AveragePool": "dilations",
}
"""Attributes of operators that our opset does not know: "saturate", which float8 alone asks for, and dilations."""

_ASIDE = "edgeseg.aside"
"""Domain of what the converter is to leave alone."""

_MODES = {b"linear": b"bilinear", b"cubic": b"bicubic"}
"""Of GridSample before opset 20, which knew pictures alone."""


def converted(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """The same with the operators of our opset, the one that every engine reads.

    Args:
        model: whose one opset is of ONNX's own operators.
        where: its file, for messages.

    Raises:
        ExportError: an operator cannot be converted; the message says which.
    """
    for node in all_nodes(model.graph):
        _state_coordinates(node)
    opset = model.opset_import[0].version
    if opset == OPSET:
        return model
    if opset > OPSET:
        _refuse_unspelled(model, where)
    try:
        spelled = _spelled_out(model, opset)
        if opset > OPSET:
            _set_aside(spelled)
        result = version_converter.convert_version(spelled, OPSET)
    except Exception as error:  # the converter's exceptions share no base of their own.
        reason = first_line(error).rpartition("failed: ")[2]  # without the converter's own source line
        raise ExportError(
            f"{where} has opset {opset}, which cannot be converted to {OPSET}: {reason}; export it with opset {OPSET}"
        ) from error
    _put_back(result)
    for node in all_nodes(result.graph):
        _drop_newer_attribute(node, where)
    if opset < RESIZE_WITH_COORDINATES:  # the converter leaves the default of now, which is another
        for node in all_nodes(result.graph):
            if node.op_type == "Resize":
                node.attribute.append(helper.make_attribute("coordinate_transformation_mode", "asymmetric"))
                node.attribute.append(helper.make_attribute("nearest_mode", "floor"))
    return result


def _state_coordinates(node: onnx.NodeProto) -> None:
    """Puts half_pixel for tf_half_pixel_for_nn, which tf2onnx writes though opset 13 took it out of ONNX.

    It is half a pixel more, and rounding to the nearest pixel adds that before it cuts off, as the older one does.
    """
    attributes = {each.name: each for each in node.attribute}
    place, rounding = (attributes.get(name) for name in ("coordinate_transformation_mode", "nearest_mode"))
    if place is not None and rounding is not None and (place.s, rounding.s) == (b"tf_half_pixel_for_nn", b"floor"):
        place.s, rounding.s = b"half_pixel", b"round_prefer_ceil"


def _refuse_unspelled(model: onnx.ModelProto, where: str) -> None:
    """Names an operator that came after our opset, and that ONNX spells in no older ones."""
    for name in sorted({node.op_type for node in all_nodes(model.graph)}):
        schema = onnx.defs.get_schema(name)
        # ONNX's own stub lacks both.
        spelled = schema.has_function or schema.has_context_dependent_function  # type: ignore[attr-defined]
        if _is_newer(name) and not spelled:
            raise ExportError(
                f"{where} holds {name}, which came after opset {OPSET}, the one that every engine reads; replace it by "
                "older operators, and export it again"
            )


def _spelled_out(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """The same with older operators in place of those that our opset does not know, where ONNX says how."""
    present = {node.op_type for node in all_nodes(model.graph)}
    names = sorted(name for name in present if opset > OPSET and _is_newer(name))
    typed = onnx.ModelProto()
    typed.CopyFrom(model)
    if not names:
        return typed
    for node in all_nodes(typed.graph):
        if node.op_type in names:
            _state_defaults(node, opset)
    typed.graph.value_info.extend(  # the inliner asks for the types of what a function reads
        helper.make_tensor_value_info(each.name, each.data_type, each.dims) for each in model.graph.initializer
    )
    return inliner.inline_selected_functions(typed, [("", name) for name in names], inline_schema_functions=True)


def _state_defaults(node: onnx.NodeProto, opset: int) -> None:
    """Gives a node the attributes that it leaves to their defaults: the inliner knows no defaults."""
    stated = {each.name for each in node.attribute}
    for name, attribute in onnx.defs.get_schema(node.op_type, opset).attributes.items():
        if name not in stated and attribute.default_value.type:
            node.attribute.append(attribute.default_value)


def _set_aside(model: onnx.ModelProto) -> None:
    """Hides UNCONVERTED from the converter, in the words of our opset."""
    model.opset_import.append(helper.make_opsetid(_ASIDE, 1))
    for node in all_nodes(model.graph):
        if node.op_type not in UNCONVERTED:
            continue
        node.domain = _ASIDE
        for each in node.attribute:
            if node.op_type == "GridSample" and each.name == "mode":
                each.s = _MODES.get(each.s, each.s)


def _put_back(model: onnx.ModelProto) -> None:
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", OPSET))
    for node in all_nodes(model.graph):
        if node.domain == _ASIDE:
            node.domain = ""


def _drop_newer_attribute(node: onnx.NodeProto, where: str) -> None:
    """Takes off a node what changes nothing there.

    Raises:
        ExportError: it does, or a value of it is newer.
    """
    if node.op_type == "Pad" and any(each.s == b"wrap" for each in node.attribute):
        raise ExportError(
            f'{where} has a Pad of mode "wrap", which opset {OPSET} does not know; replace it by a Concat of slices '
            "(torch.cat), and export it again"
        )
    kept = []
    for each in node.attribute:
        if each.name != NEWER_ATTRIBUTES.get(node.op_type):
            kept.append(each)
        elif any(step != 1 for step in each.ints):
            raise ExportError(
                f"{where} has an {node.op_type} with {each.name} {list(each.ints)}, which opset {OPSET} does not know; "
                "replace it by a convolution with the same weight everywhere, and export it again"
            )
    if len(kept) < len(node.attribute):
        del node.attribute[:]
        node.attribute.extend(kept)


def _is_newer(name: str) -> bool:
    """Whether an operator is none of our opset, or another one there."""
    return name in REDEFINED or not onnx.defs.has(name, OPSET)
