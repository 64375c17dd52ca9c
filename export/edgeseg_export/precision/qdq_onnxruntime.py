"""INT8 for ONNX Runtime and OpenVINO: uint8 activations everywhere, int8 weights, int32 biases.

Everything between the camera's bytes and the last convolution is quantised, outputs too, so that ONNX Runtime finds
an integer kernel for each node and converts nothing on the way. An activation function needs no node of its own where
it clips to the range that uint8 clips to anyway.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from edgeseg_export.precision.calibration import Histograms
from edgeseg_export.precision.float_graph import FRAME, FloatGraph, as_float
from edgeseg_export.precision.kernels_onnxruntime import Packing, packing, product
from edgeseg_export.precision.qdq import (
    FOLLOWING,
    SMALLEST_SCALE,
    Grid,
    Means,
    Recipe,
    Rewriter,
    byte_tensors,
    corrected_bias,
    held,
    shared_ranges,
    weight_grid,
)

OPSET = 18

_WEIGHTED = ("Conv", "ConvTranspose", "Gemm")

_LARGEST_BIAS = 2.0**30
"""Levels; int32 with a bit to spare for the sum."""


def emit(graph: FloatGraph, histograms: Histograms, recipe: Recipe) -> onnx.ModelProto:
    """The graph with Q and DQ for ONNX Runtime."""
    float_nodes = recipe.float_nodes(graph)
    names = _quantised(graph, float_nodes) & held(graph, histograms)
    grids = {
        name: _grid(low, high)
        for name, (low, high) in shared_ranges(graph, names, histograms, recipe.method, symmetric=False).items()
    }
    rewriter = Rewriter()
    start = graph.normalisation()
    packed = None if start is None else packing(graph, start)
    if packed is not None and (packed.node.name in float_nodes or graph.activated(packed.node) not in grids):
        packed = None
    if start is not None:
        exact = Grid(np.asarray(start.scale, np.float32), np.asarray(start.mean, np.uint8))
        grids.update(dict.fromkeys(byte_tensors(graph), exact))
        frame = FRAME if packed is None else packed.read_frame(rewriter)
        _read_bytes(rewriter, frame, start.output, grids[start.output])
    for node in graph.nodes:
        if start is not None and node.name in start.nodes:
            continue
        if node.op_type == "Conv" and graph.is_plain(node) and node.name not in float_nodes:
            here = packed if packed is not None and packed.node.name == node.name else None
            _convolution(rewriter, graph, node, grids, histograms[node.input[0]].means, here, recipe.largest)
        elif not node.input or node.input[0] not in grids:
            rewriter.add(node)
        elif node.name != graph.last() or not product(rewriter, graph, node):
            _float(rewriter, node, grids[node.input[0]])
        for name in node.output:
            if name in grids:
                rewriter.rename(name, rewriter.pair(name, grids[name]))
            if packed is not None and name == graph.activated(packed.node):
                rewriter.rename(name, packed.spread(rewriter, rewriter.current(name)))
    return rewriter.model(graph, OPSET)


def layers(graph: FloatGraph) -> list[str]:
    """Names of the convolutions that INT8 for this runtime quantises."""
    return [graph.layer(node) for node in graph.convolutions() if node.op_type == "Conv" and node.name != graph.last()]


def _quantised(graph: FloatGraph, float_nodes: set[str]) -> set[str]:
    """Names of the tensors to quantise: what quantised operators read and give, after the activation."""
    names = set()
    for node in graph.nodes:
        if node.name in float_nodes or not _has_integer_kernel(graph, node):
            continue
        names.update(graph.floats(node))
        names.add(graph.activated(node))
    return names - graph.outputs - byte_tensors(graph)


def _has_integer_kernel(graph: FloatGraph, node: onnx.NodeProto) -> bool:
    if node.op_type == "Conv":
        return graph.is_plain(node)
    return node.op_type in FOLLOWING or (node.op_type == "Add" and len(graph.floats(node)) == 2)


def _grid(low: float, high: float) -> Grid:
    # Truncated, not rounded: a scale a hair too large would leave the range of the ReLU6 that it is to replace.
    scale = np.float32(max((high - low) / 255, SMALLEST_SCALE))
    if float(scale) * 255 > high - low > 0:
        scale = np.nextafter(scale, np.float32(0))
    return Grid(np.asarray(scale), np.asarray(np.clip(round(-low / float(scale)), 0, 255), np.uint8))


def _read_bytes(rewriter: Rewriter, frame: str, output: str, grid: Grid) -> None:
    """The bytes of `frame` are the first quantised tensor: its DQ is the normalisation, exactly."""
    scale, zero = rewriter.constant("frame.scale", grid.scale), rewriter.constant("frame.zero", grid.zero)
    rewriter.nodes.append(helper.make_node("DequantizeLinear", [frame, scale, zero], ["frame.levels"], name="frame.DQ"))
    rewriter.nodes.append(
        helper.make_node("Transpose", ["frame.levels"], [output], name="frame.Transpose", perm=[0, 3, 1, 2])
    )
    rewriter.rename(output, rewriter.pair(output, grid))


def _float(rewriter: Rewriter, node: onnx.NodeProto, grid: Grid) -> None:
    """A node that reads a quantised tensor and computes in float.

    ONNX Runtime (1.32) would quantise float weights between DQ and Q, with one scale for all of them. It leaves them
    alone where something stands between DQ and the node: here a clip to the range that the tensor has anyway.
    """
    inputs = [rewriter.current(name) for name in node.input]
    if node.op_type in _WEIGHTED:
        low, high = (grid.scale * np.float32(level - int(grid.zero)) for level in (0, 255))
        ends = [
            rewriter.constant(f"{node.name}.{name}", np.asarray(end, np.float32))
            for name, end in (("low", low), ("high", high))
        ]
        clipped = f"{node.name}.within"
        rewriter.nodes.append(helper.make_node("Clip", [inputs[0], *ends], [clipped], name=clipped))
        inputs[0] = clipped
    rewriter.add(node, inputs)


def _convolution(
    rewriter: Rewriter,
    graph: FloatGraph,
    node: onnx.NodeProto,
    grids: dict[str, Grid],
    means: Means,
    packed: Packing | None,
    largest: int,
) -> None:
    """A convolution whose weights are stored as int8 and whose bias as int32, in units of both scales' product."""
    source = float(grids[node.input[0]].scale)
    weights = as_float(graph.constants[node.input[1]])
    bias = graph.bias(node)
    # The scale must leave the bias room in int32; the correction is far smaller than a factor of two.
    floor = np.abs(bias.astype(np.float64)) / (source * _LARGEST_BIAS)
    grid, levels = weight_grid(weights, largest=largest, floor=floor)
    scale = (np.float32(source) * grid.scale).astype(np.float32)
    units = np.round(corrected_bias(bias, weights, grid, levels, means) / scale).astype(np.int32)
    if packed is not None:
        node, levels = packed.convolution(), packed.weights(levels)
        scale, units = packed.repeated(scale), packed.repeated(units)
        grid = Grid(packed.repeated(grid.scale), packed.repeated(grid.zero))
    rewriter.add(
        node,
        [
            rewriter.current(node.input[0]),
            rewriter.stored(node.input[1], levels, grid),
            rewriter.stored(f"{node.input[1]}.bias", units, Grid(scale, np.zeros(scale.shape, np.int32))),
        ],
    )
