"""What other people put behind the scores of one channel, or of several."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.export.foreign.their_onnx import (
    Nodes,
    constant,
    resized,
)

BINARY = ["ground", "thing"]
"""Names of what is below and above the threshold of one channel."""


def node(kind: str, source: str, target: str, *more: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, [source, *more], [target], **attributes)


def sigmoid(s: str) -> Nodes:
    return [*resized(s), node("Sigmoid", "large", "out")]


def clipped(s: str) -> Nodes:
    limits = [constant("low", np.array(0, np.float32)), constant("high", np.array(1, np.float32))]
    return [*resized(s), node("Sigmoid", "large", "p"), *limits, node("Clip", "p", "out", "low", "high")]


def hard_sigmoid(s: str) -> Nodes:
    return [*resized(s), node("HardSigmoid", "large", "out")]


def min_max(s: str) -> Nodes:
    return [
        *resized(s),
        node("ReduceMin", "large", "least", keepdims=1),
        node("ReduceMax", "large", "most", keepdims=1),
        node("Sub", "large", "up", "least"),
        node("Sub", "most", "all", "least"),
        node("Div", "up", "out", "all"),
    ]


def above(s: str) -> Nodes:
    return [*resized(s), constant("zero", np.array(0, np.float32)), node("Greater", "large", "yes", "zero")]


def hard(s: str) -> Nodes:
    return [*above(s), node("Cast", "yes", "out", to=TensorProto.FLOAT)]


def ready(s: str) -> Nodes:
    return [*above(s), node("Cast", "yes", "out", to=TensorProto.UINT8)]


def squeezed(s: str) -> Nodes:
    return [*resized(s), constant("axis", np.array([1])), node("Squeeze", "large", "out", "axis")]


def squeezed_sigmoid(s: str) -> Nodes:
    return [*squeezed(s)[:-1], node("Squeeze", "large", "flat", "axis"), node("Sigmoid", "flat", "out")]


def flattened_sigmoid(s: str) -> Nodes:
    shape = constant("shape", np.array([1, -1]))
    return [*resized(s), shape, node("Reshape", "large", "flat", "shape"), node("Sigmoid", "flat", "out")]


def interpolated(s: str) -> Nodes:
    return [*resized(s), node("Identity", "large", "out")]


def taken_out(s: str) -> Nodes:
    first = constant("first", np.array(0))
    return [*clipped(s)[:-1], node("Clip", "p", "q", "low", "high"), first, node("Gather", "q", "out", "first", axis=1)]


def ready_and_taken_out(s: str) -> Nodes:
    first = constant("first", np.array(0))
    mask = node("Cast", "yes", "mask", to=TensorProto.UINT8)
    return [*above(s), mask, first, node("Gather", "mask", "out", "first", axis=1)]


def sigmoid_then_resize(s: str) -> Nodes:
    return [node("Sigmoid", s, "p"), *resized("p"), node("Identity", "large", "out")]


def argmax_then_nearest(s: str) -> Nodes:
    scales = constant("scales", np.array([1, 1, 4, 4], np.float32))
    empty = constant("roi", np.zeros(0, np.float32))
    ids = [node("ArgMax", s, "ids", axis=1), node("Cast", "ids", "float", to=TensorProto.FLOAT)]
    return [*ids, scales, empty, node("Resize", "float", "out", "roi", "scales", mode="nearest")]


def levels(s: str) -> Nodes:
    white = constant("white", np.array(255, np.float32))
    return [*resized(s), node("Sigmoid", "large", "p"), white, node("Mul", "p", "out", "white")]
