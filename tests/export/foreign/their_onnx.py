"""Small networks as other people export them, and their specs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgeseg.bundle import Bundle
from edgeseg_export.foreign.import_onnx import import_onnx
from edgeseg_export.foreign.model_spec import model_spec

WIDTH, HEIGHT, CLASSES = 64, 48, 5
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
Nodes = list[onnx.NodeProto]


def description(**changes: Any) -> dict[str, Any]:
    """A spec.json for the networks below; `input_*` changes a field of its input."""
    data: dict[str, Any] = {
        "format": 1,
        "name": "city",
        "input": {
            "width": WIDTH,
            "height": HEIGHT,
            "resize": "stretch",
            "pad": 127,
            "dynamic": False,
            "colour": "RGB",
            "range": 1,
            **IMAGENET,
        },
        "stride": 4,
        "classes": ["a", "b", "c", None, "void"],
        "palette": None,
        "ignore": 255,
        "licence": "none",
    }
    for key, value in changes.items():
        target, name = (data["input"], key[6:]) if key.startswith("input_") else (data, key)
        target[name] = value
    return data


def network(
    tail: Callable[[str], Nodes] = lambda scores: [helper.make_node("Identity", [scores], ["out"])],
    *,
    channels: int = CLASSES,
    inputs: int = 3,
    opset: int = 13,
    pads: int = 1,
    kind: int = TensorProto.FLOAT,
    out: int = TensorProto.FLOAT,
    shape: tuple[Any, ...] = (1, 3, HEIGHT, WIDTH),
) -> onnx.ModelProto:
    """Two convolutions of stride 2 (3x3 with padding, or 2x2 without), then the nodes of `tail`, which make "out"."""
    random = np.random.default_rng(3)
    side = 3 if pads else 2
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    weights = {
        "w0": random.normal(size=(8, inputs, side, side)) / inputs,
        "b0": random.normal(size=8),
        "w1": random.normal(size=(channels, 8, side, side)) / 4,
    }
    attributes: dict[str, Any] = {"strides": [2, 2], "pads": [pads, pads, pads, pads]}
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["c0"], **attributes),
        helper.make_node("Relu", ["c0"], ["r0"]),
        helper.make_node("Conv", ["r0", "w1"], ["scores"], **attributes),
        *tail("scores"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("out", out, None)],
        [numpy_helper.from_array(values.astype(dtype), name) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def constant(name: str, values: NDArray[Any]) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(values))


def resized(scores: str, **attributes: Any) -> Nodes:
    settings = {"mode": "linear", "coordinate_transformation_mode": "half_pixel", **attributes}
    return [
        constant("roi", np.zeros(0, np.float32)),  # opset 11 wants one
        constant("scales", np.array([1, 1, 4, 4], np.float32)),
        helper.make_node("Resize", [scores, "roi", "scales"], ["large"], **settings),
    ]


def argmaxed(scores: str) -> Nodes:
    return [
        *resized(scores),
        helper.make_node("ArgMax", ["large"], ["ids"], axis=1, keepdims=0),
        helper.make_node("Cast", ["ids"], ["out"], to=TensorProto.UINT8),
    ]


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "theirs.onnx"
    onnx.save(model, path)
    return path


def imported(model: onnx.ModelProto, folder: Path, **changes: Any) -> Bundle:
    return import_onnx(saved(model, folder), model_spec(description(**changes)), folder / "city")


def by_hand(model: onnx.ModelProto, frame: NDArray[np.uint8], data: dict[str, Any]) -> NDArray[Any]:
    """The original's output on a frame that OpenCV and NumPy prepare."""
    small = cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR_EXACT)
    picture = cv2.cvtColor(small, cv2.COLOR_BGR2RGB) if data["colour"] == "RGB" else small
    levels = picture.astype(np.float64) * data["range"] / 255
    tensor = ((levels - data["mean"]) / data["std"]).transpose(2, 0, 1)[None].astype(np.float32)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    result: NDArray[Any] = session.run(None, {"x": tensor})[0]
    return result
