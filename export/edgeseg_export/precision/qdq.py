"""QuantizeLinear and DequantizeLinear in a graph: what INT8 for ONNX Runtime and for TensorRT share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgeseg_export.precision.calibration import Histograms
from edgeseg_export.precision.float_graph import FloatGraph
from edgeseg_export.precision.histogram import Method
from edgeseg_export.subgraphs import outer_names, read_from, subgraphs

FOLLOWING = ("MaxPool", "Resize", "Slice", "Pad", "Concat")
"""Operators whose output's values lie in their input's range: they keep one scale, so an engine moves bytes."""

SMALLEST_SCALE = 2.0**-20
"""Of a tensor whose values are all 0: float16 still holds it."""


LARGEST, LARGEST_OF_SEVEN_BITS = 127, 64
"""The largest level of a weight; with the second, two products with uint8 add up to at most 2 * 255 * 64 < 2**15."""

Means = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """The levels of a quantised tensor: value = scale * (level - zero).

    Attributes:
        scale: of the tensor; one a channel in weights.
        zero: the level of 0; its dtype is the tensor's, uint8 or int8.
    """

    scale: NDArray[np.float32]
    zero: NDArray[Any]


@dataclass(frozen=True)
class Recipe:
    """The choices of one quantisation.

    Attributes:
        method: that the ranges of the activations come from.
        keep: names of convolutions that stay in float, as `FloatGraph.layer` gives them.
        alone: the one convolution to quantise, with what it reads and gives; all else stays in float.
        largest: level of a weight, in INT8 for ONNX Runtime.
    """

    method: Method
    keep: frozenset[str] = frozenset()
    alone: str | None = None
    largest: int = LARGEST

    def float_nodes(self, graph: FloatGraph) -> set[str]:
        """Names of the nodes that stay in float: those of `keep`; the last convolution, for quantised logits often tie,
        and all that comes after it."""
        if self.alone is not None:
            nodes = {node.name for node in graph.convolutions() if graph.layer(node) == self.alone}
            return {node.name for node in graph.nodes} - nodes
        convolutions = {node.name for node in graph.convolutions() if graph.layer(node) in self.keep}
        return convolutions | {graph.last()} | graph.after(graph.last())


class Rewriter:
    """Collects the nodes and constants of a graph that is being written anew."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self._renamed: dict[str, str] = {}

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Adds a constant; the same name always means the same values."""
        self.constants[name] = values
        return name

    def rename(self, old: str, new: str) -> None:
        """Lets nodes that are added from now on read `new` where they read `old`."""
        self._renamed[old] = new

    def current(self, name: str) -> str:
        """What a reader of `name` reads now."""
        return self._renamed.get(name, name)

    def add(self, node: onnx.NodeProto, inputs: list[str] | None = None) -> None:
        """Adds a copy of a node, with other `inputs` than its own where there are some."""
        copied = onnx.NodeProto()
        copied.CopyFrom(node)
        names = [self.current(name) for name in node.input] if inputs is None else inputs
        del copied.input[:]
        copied.input.extend(names)
        for inner in subgraphs(copied):
            read_from(inner, self._renamed)
        self.nodes.append(copied)

    def pair(self, name: str, grid: Grid) -> str:
        """Adds Q and DQ after a tensor; returns the name of the result, which stands for the tensor."""
        scale = self.constant(f"{name}.scale", grid.scale)
        zero = self.constant(f"{name}.zero", grid.zero)
        quantised, result = f"{name}.quantised", f"{name}.dequantised"
        self.nodes.append(helper.make_node("QuantizeLinear", [name, scale, zero], [quantised], name=f"{name}.Q"))
        self.nodes.append(helper.make_node("DequantizeLinear", [quantised, scale, zero], [result], name=f"{name}.DQ"))
        return result

    def stored(self, name: str, levels: NDArray[Any], grid: Grid) -> str:
        """Adds a constant that is stored quantised along axis 0, and its DQ; returns the name of the float values."""
        quantised = self.constant(f"{name}.quantised", levels)
        scale, zero = self.constant(f"{name}.scale", grid.scale), self.constant(f"{name}.zero", grid.zero)
        result = f"{name}.dequantised"
        self.nodes.append(
            helper.make_node("DequantizeLinear", [quantised, scale, zero], [result], name=f"{name}.DQ", axis=0)
        )
        return result

    def model(self, graph: FloatGraph, opset: int) -> onnx.ModelProto:
        """The new graph, with the inputs, outputs and metadata of the old one."""
        model = onnx.ModelProto()
        model.CopyFrom(graph.model)
        del model.graph.node[:]
        model.graph.node.extend(self.nodes)
        known = {**graph.constants, **self.constants}
        used = {name for node in self.nodes for name in outer_names(node) if name in known}
        del model.graph.initializer[:]
        model.graph.initializer.extend(numpy_helper.from_array(known[name], name) for name in sorted(used))
        del model.graph.value_info[:]
        for entry in model.opset_import:
            if entry.domain == "":
                entry.version = opset
        return model


def weight_grid(
    weights: NDArray[np.float32],
    *,
    largest: int = LARGEST,
    half: bool = False,
    floor: NDArray[np.float64] | None = None,
) -> tuple[Grid, NDArray[np.int8]]:
    """Symmetric int8 levels of a convolution's weights, a scale for each output channel.

    Args:
        weights: float32 (outputs, inputs / groups, kh, kw).
        largest: level, LARGEST or LARGEST_OF_SEVEN_BITS.
        half: the scales must be float16 values.
        floor: the least scale of each channel.
    """
    scale = np.maximum(np.abs(weights).max(axis=(1, 2, 3)).astype(np.float64) / largest, SMALLEST_SCALE)
    if floor is not None:
        scale = np.maximum(scale, floor)
    scale = scale.astype(np.float16 if half else np.float32).astype(np.float32)
    levels = np.clip(np.round(weights / scale.reshape(-1, 1, 1, 1)), -largest, largest).astype(np.int8)
    return Grid(scale, np.zeros(scale.shape, np.int8)), levels


def corrected_bias(
    bias: NDArray[np.float32], weights: NDArray[np.float32], grid: Grid, levels: NDArray[np.int8], means: Means
) -> NDArray[np.float64]:
    """The bias less what rounding the weights adds to the mean of each output channel.

    M. Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section 4.2,
    with means that were measured. It holds inside the border, where no padding is read.

    Args:
        bias: float32 (outputs,).
        weights: float32 (outputs, inputs / groups, kh, kw), of a Conv.
        grid: of the weights, a scale for each output.
        levels: int8, the weights' shape.
        means: of the input's channels.
    """
    error = (levels * grid.scale.reshape(-1, 1, 1, 1).astype(np.float64) - weights).sum(axis=(2, 3))
    outputs, inputs = error.shape
    groups = len(means) // inputs
    mean = np.repeat(means.reshape(groups, inputs), outputs // groups, axis=0)
    corrected: NDArray[np.float64] = bias - (error * mean).sum(axis=1)
    return corrected


def byte_tensors(graph: FloatGraph) -> set[str]:
    """Names of the tensors that hold the camera's bytes after a uniform normalisation, at most moved."""
    start = graph.normalisation()
    names = {start.output} if start else set()
    for node in graph.nodes:
        if node.op_type in ("Pad", "Slice") and node.input[0] in names:
            names.update(node.output)
    return names


def held(graph: FloatGraph, histograms: Histograms) -> set[str]:
    """Names of the tensors that 256 levels can hold: no masked ones, but where a convolution reads them."""
    read = {node.input[0] for node in graph.convolutions()}
    return {name for name, histogram in histograms.items() if name in read or not histogram.masked}


def shared_ranges(
    graph: FloatGraph, names: set[str], histograms: Histograms, method: Method, *, symmetric: bool
) -> dict[str, tuple[float, float]]:
    """The range of each tensor; those that a FOLLOWING operator joins get one range, which holds them all."""
    group = {name: name for name in names}

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    for node in graph.nodes:
        if node.op_type not in FOLLOWING or node.output[0] not in names:
            continue
        joined = [name for name in [*graph.floats(node), *node.output] if name in names]
        for name in joined[1:]:
            group[root(name)] = root(joined[0])
    ranges: dict[str, tuple[float, float]] = {}
    for name in sorted(names):
        low, high = histograms[name].range(method, symmetric=symmetric)
        wide = ranges.get(root(name), (0.0, 0.0))
        ranges[root(name)] = min(low, wide[0]), max(high, wide[1])
    return {name: ranges[root(name)] for name in names}
