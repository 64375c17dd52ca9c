"""The fields of ONNX's messages, as onnx.proto (IR version 14) numbers them: what edgeseg/onnx_wire.py accepts.

A field is the name of a message, or a kind of value: "int" (64 bits), "int32", "float", "double", "text" or "bytes";
"*" says that it may be there any number of times.
"""

from __future__ import annotations

_TENSOR_TYPE = {1: "int32", 2: "Shape"}

MESSAGES: dict[str, dict[int, str]] = {
    "Model": {
        **{1: "int", 2: "text", 3: "text", 4: "text", 5: "int", 6: "text", 7: "Graph", 8: "*OperatorSet"},
        **{14: "*Entry", 20: "*Training", 25: "*Function", 26: "*Device"},
    },
    "OperatorSet": {1: "text", 2: "int"},
    "Entry": {1: "text", 2: "text"},
    "Graph": {
        **{1: "*Node", 2: "text", 5: "*Tensor", 10: "text", 11: "*Value", 12: "*Value", 13: "*Value"},
        **{14: "*Annotation", 15: "*SparseTensor", 16: "*Entry"},
    },
    "Training": {1: "Graph", 2: "Graph", 3: "*Entry", 4: "*Entry"},
    "Function": {
        **{1: "text", 4: "*text", 5: "*text", 6: "*text", 7: "*Node", 8: "text", 9: "*OperatorSet", 10: "text"},
        **{11: "*Attribute", 12: "*Value", 13: "text", 14: "*Entry"},
    },
    "Node": {
        **{1: "*text", 2: "*text", 3: "text", 4: "text", 5: "*Attribute", 6: "text", 7: "text", 8: "text"},
        **{9: "*Entry", 10: "*NodeDevice"},
    },
    "Attribute": {
        **{1: "text", 2: "float", 3: "int", 4: "bytes", 5: "Tensor", 6: "Graph", 7: "*float", 8: "*int", 9: "*bytes"},
        **{10: "*Tensor", 11: "*Graph", 13: "text", 14: "Type", 15: "*Type", 20: "int32", 21: "text"},
        **{22: "SparseTensor", 23: "*SparseTensor"},
    },
    "Tensor": {
        **{1: "*int", 2: "int32", 3: "Segment", 4: "*float", 5: "*int32", 6: "*bytes", 7: "*int", 8: "text"},
        **{9: "bytes", 10: "*double", 11: "*int", 12: "text", 13: "*Entry", 14: "int32", 16: "*Entry"},
    },
    "Segment": {1: "int", 2: "int"},
    "SparseTensor": {1: "Tensor", 2: "Tensor", 3: "*int"},
    "Value": {1: "text", 2: "Type", 3: "text", 4: "*Entry"},
    "Annotation": {1: "text", 2: "*Entry"},
    "Type": {
        **{1: "TensorType", 4: "SequenceType", 5: "MapType", 6: "text", 7: "OpaqueType", 8: "SparseTensorType"},
        **{9: "OptionalType"},
    },
    "TensorType": _TENSOR_TYPE,
    "SparseTensorType": _TENSOR_TYPE,
    "SequenceType": {1: "Type"},
    "OptionalType": {1: "Type"},
    "MapType": {1: "int32", 2: "Type"},
    "OpaqueType": {1: "text", 2: "text"},
    "Shape": {1: "*Dimension"},
    "Dimension": {1: "int", 2: "text", 3: "text"},
    "Device": {1: "text", 2: "int32", 3: "*text"},
    "NodeDevice": {1: "text", 2: "*Sharding", 3: "int32"},
    "Sharding": {1: "text", 2: "*int", 3: "*IntEntry", 4: "*ShardedDimension"},
    "IntEntry": {1: "int", 2: "*int"},
    "ShardedDimension": {1: "int", 2: "*SimpleSharding"},
    "SimpleSharding": {1: "int", 2: "text", 3: "int"},
}

ONE_OF: dict[str, frozenset[int]] = {
    "Type": frozenset({1, 4, 5, 7, 8, 9}),
    "Dimension": frozenset({1, 2}),
    "SimpleSharding": frozenset({1, 2}),
}
"""Fields of which a message holds at most one."""

HIGHEST = {("Attribute", 20): 14, ("Tensor", 14): 1}
"""The last value of each enumeration: other readers keep a higher one apart, as a field that they do not know."""
