"""INT8 for TensorRT: symmetric int8 at the inputs of convolutions, float16 everywhere else.

What the parser and the fusions ask for: zero-points of 0, float biases, nothing after a convolution (its activation and
its addition fuse with it), one side of a residual addition, one scale through a concatenation, nothing before Resize.
"""

from __future__ import annotations

import numpy as np
import onnx

from edgeseg_export.precision.calibration import Histograms
from edgeseg_export.precision.float_graph import FloatGraph, as_float
from edgeseg_export.precision.qdq import (
    SMALLEST_SCALE,
    Grid,
    Recipe,
    Rewriter,
    byte_tensors,
    corrected_bias,
    held,
    shared_ranges,
    weight_grid,
)
from edgeseg_export.precision.to_half import to_half

FEWEST_CHANNELS = 16
"""A convolution that reads fewer gains nothing from INT8; the first one does, for it reads the camera's bytes."""


def emit(graph: FloatGraph, histograms: Histograms, recipe: Recipe) -> onnx.ModelProto:
    """The graph with Q and DQ for TensorRT, float16 where it is not int8."""
    float_nodes = recipe.float_nodes(graph)
    quantised = [node for node in graph.convolutions() if node.name not in float_nodes and _worthwhile(graph, node)]
    convolutions = {node.name for node in quantised}
    names = {node.input[0] for node in quantised} | _skips(graph, convolutions) & held(graph, histograms)
    ranges = shared_ranges(graph, names, histograms, recipe.method, symmetric=True)
    grids = {name: _grid(high) for name, (_, high) in ranges.items()}
    start = graph.normalisation()
    if start is not None and start.mean in (127, 128):  # bytes stay bytes, but for one of the two ends
        exact = Grid(np.asarray(start.scale, np.float32), np.asarray(0, np.int8))
        grids.update({name: exact for name in byte_tensors(graph) if name in grids})
    rewriter = Rewriter()
    for node in graph.nodes:
        inputs = list(node.input)
        for place, name in enumerate(node.input):
            skip = node.op_type == "Add" and name in grids and _skip(graph, node, convolutions) == name
            if skip or (node.name in convolutions and place == 0):
                inputs[place] = _pair_once(rewriter, name, grids[name])
        if node.name in convolutions:
            weights = as_float(graph.constants[node.input[1]])
            grid, levels = weight_grid(weights, half=True)
            bias = corrected_bias(graph.bias(node), weights, grid, levels, histograms[node.input[0]].means)
            name = rewriter.constant(f"{node.input[1]}.bias", bias.astype(np.float32))
            inputs = [inputs[0], rewriter.stored(node.input[1], levels, grid), name]
        rewriter.add(node, inputs)
    return to_half(FloatGraph(rewriter.model(graph, graph.model.opset_import[0].version)))


def layers(graph: FloatGraph) -> list[str]:
    """Names of the convolutions that INT8 for this runtime quantises."""
    chosen = [node for node in graph.convolutions() if node.name != graph.last() and _worthwhile(graph, node)]
    return [graph.layer(node) for node in chosen]


def _worthwhile(graph: FloatGraph, node: onnx.NodeProto) -> bool:
    if node.op_type == "ConvTranspose":
        return False  # per-channel INT8 of it is fragile in TensorRT
    weights = graph.constants[node.input[1]]
    depthwise = weights.shape[1] == 1
    return bool(depthwise or weights.shape[1] >= FEWEST_CHANNELS or node.name == graph.convolutions()[0].name)


def _skips(graph: FloatGraph, convolutions: set[str]) -> set[str]:
    """The side of each addition that is to be quantised: the other one is computed last, by a convolution."""
    return {name for node in graph.nodes if (name := _skip(graph, node, convolutions)) is not None}


def _skip(graph: FloatGraph, node: onnx.NodeProto, convolutions: set[str]) -> str | None:
    if node.op_type != "Add" or len(graph.floats(node)) != 2:
        return None
    order = {each.name: place for place, each in enumerate(graph.nodes)}
    makers = [(order[graph.producers[name].name], name) for name in node.input if name in graph.producers]
    direct = [(place, name) for place, name in makers if graph.producers[name].name in convolutions]
    if len(makers) != 2 or not direct:
        return None
    fused = max(direct)[1]
    return next((str(name) for _, name in makers if name != fused), None)


def _pair_once(rewriter: Rewriter, name: str, grid: Grid) -> str:
    """The quantised twin of a tensor; all its quantised readers share one."""
    if f"{name}.scale" in rewriter.constants:
        return f"{name}.dequantised"
    return rewriter.pair(name, grid)


def _grid(high: float) -> Grid:
    scale = np.float16(max(high / 127, SMALLEST_SCALE))
    return Grid(np.asarray(scale, np.float32), np.asarray(0, np.int8))
