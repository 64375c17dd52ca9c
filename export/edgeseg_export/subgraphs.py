"""The graphs within a graph: those in its If, Loop and Scan nodes, which read the tensors of the graph around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnx


def all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Nodes of a graph and of the graphs in its If, Loop and Scan nodes."""
    for node in graph.node:
        yield node
        for inner in subgraphs(node):
            yield from all_nodes(inner)


def subgraphs(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """The graphs that a node holds."""
    return [graph for each in node.attribute for graph in (each.g, *each.graphs) if graph.node or graph.output]


def outer_names(node: onnx.NodeProto) -> set[str]:
    """Names that a node reads from the graph around it, those that only its inner graphs read with them.

    What a node leaves out has an empty name, among inputs and outputs alike, and is none of them.
    """
    names = {name for name in node.input if name}
    for graph in subgraphs(node):
        own = {value.name for value in (*graph.input, *graph.initializer)}
        own |= {name for inner in graph.node for name in inner.output}
        names |= {name for inner in graph.node for name in outer_names(inner)} - own
        names |= {value.name for value in graph.output} - own
    return names


def same_tensors(node: onnx.NodeProto) -> Iterator[tuple[str, str]]:
    """Pairs of names for one tensor, or for what it is in turn: inside a node's graphs, outside, and a turn later."""
    start, condition = (2, 1) if node.op_type == "Loop" else (0, 0)  # the number of turns, and whether to go on
    scanned = next((each.i for each in node.attribute if each.name == "num_scan_inputs"), 0)
    for graph in subgraphs(node):
        inputs = [value.name for value in graph.input[start:]]
        outputs = [value.name for value in graph.output[condition:]]
        yield from zip(node.input[start:], inputs, strict=False)
        yield from zip(node.output, outputs, strict=False)
        yield from zip(inputs[: len(inputs) - scanned], outputs, strict=False)


def read_from(graph: onnx.GraphProto, sources: Mapping[str, str]) -> None:
    """Lets the nodes of a graph, and of those within them, read other tensors: `sources` names them by the old ones."""
    for node in graph.node:
        node.input[:] = [sources.get(name, name) for name in node.input]
        for inner in subgraphs(node):
            read_from(inner, sources)
