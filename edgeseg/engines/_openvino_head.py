"""The last convolution of our INT8 files, given back to OpenVINO as a convolution.

The files have it as a matrix product of pixels with their channels last, which is quicker in ONNX Runtime and slower in
OpenVINO, where the whole of "road" takes an eighth more time with it. The logits are the same. It stands before the
result, or before what enlarges and corrects its logits, as in "road".
"""

from __future__ import annotations

from typing import Any

import numpy as np

_TO_LAST, _TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


def product_as_convolution(ov: Any, model: Any) -> None:
    """Replaces Transpose, MatMul, Add, Transpose by a 1x1 convolution wherever they stand; else does nothing.

    Args:
        ov: the module openvino.
        model: as it was read; it is changed.
    """
    for node in model.get_ordered_ops():
        _replace(ov, node)


def _replace(ov: Any, first: Any) -> None:
    """The same for the product whose last node `first` is."""
    added = _before(first, "Transpose", _TO_FIRST)
    multiplied = _before(added, "Add")
    last = _before(multiplied, "MatMul")
    if last is None or last.get_type_name() != "Transpose" or _constant(last, 1) != _TO_LAST:
        return
    matrix, bias = (each.input_value(1).get_node() for each in (multiplied, added))
    if matrix.get_type_name() != "Constant" or bias.get_type_name() != "Constant" or len(matrix.data.shape) != 2:
        return
    if bias.data.shape != matrix.data.shape[1:]:  # one number a class; a map of them stays as it is
        return
    ops = ov.opset13
    weights = np.ascontiguousarray(matrix.data.T[:, :, np.newaxis, np.newaxis])
    convolved = ops.convolution(last.input_value(0), ops.constant(weights), [1, 1], [0, 0], [0, 0], [1, 1])
    with_bias = ops.add(convolved, ops.constant(bias.data.reshape(1, -1, 1, 1)))
    with_bias.output(0).set_names(first.output(0).get_names())
    for reader in first.output(0).get_target_inputs():
        reader.replace_source_output(with_bias.output(0))


def _before(node: Any, kind: str, order: list[int] | None = None) -> Any:
    """What a node of that kind (and order of axes) reads first; None of another node."""
    if node is None or node.get_type_name() != kind or (order is not None and _constant(node, 1) != order):
        return None
    return node.input_value(0).get_node()


def _constant(node: Any, place: int) -> list[int] | None:
    source = node.input_value(place).get_node()
    return source.data.tolist() if source.get_type_name() == "Constant" else None
