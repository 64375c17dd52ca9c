"""MMDeploy's C++ SDK through its Python package, a model folder as its converter writes one.

The SDK resizes, pads and normalises the frame, runs the network in the ONNX Runtime 1.15 that it brings, and resizes
the logits; with_argmax=False leaves the arg-max to the caller, as its documentation says. It does not take a border
off again: the frame gets a few rows or columns more, so that whole logits cover it, the graph returns those logits
alone, and the mask is cut to the frame.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from mmdeploy_runtime import Segmentor
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from lab.peers.opencv_steps import Frame, Letterbox, mask_loop
from lab.peers.turn import Masks, Task, run_turn


def prepare(task: Task, arg_max: bool = False) -> Callable[[], Masks]:
    """Loads the model folder, and runs it once.

    Args:
        task: what is done.
        arg_max: in the graph, before the resize, as its converter does by default.
    """
    letterbox = Letterbox(task)
    segmentor = Segmentor(model_path=str(_folder(task, letterbox, arg_max)), device_name="cpu")

    def mask_of(frame: Frame) -> Frame:
        height, width = frame.shape[:2]
        covered_width, covered_height = letterbox.covered(width, height)
        border = (0, covered_height - height, 0, covered_width - width)
        if any(border):
            frame = np.asarray(cv2.copyMakeBorder(frame, *border, cv2.BORDER_CONSTANT, value=(task.pad,) * 3))
        answer: NDArray[Any] = segmentor(frame)
        mask = answer if arg_max else answer.argmax(axis=0)
        return mask[:height, :width].astype(np.uint8)

    mask_of(np.zeros((letterbox.height, letterbox.width, 3), np.uint8))

    return mask_loop(task, mask_of)


def _folder(task: Task, letterbox: Letterbox, arg_max: bool) -> Path:
    """The model folder of the SDK, written anew each time: it depends on the frames' aspect ratio."""
    folder = Path(task.folder) / ("mmdeploy.argmax" if arg_max else "mmdeploy")
    folder.mkdir(exist_ok=True)
    onnx.save(_covered(onnx.load(task.float_model), letterbox, task.stride, arg_max), folder / "end2end.onnx")
    network = {
        "name": "segmentor",
        "net": "end2end.onnx",
        "weights": "",
        "backend": "onnxruntime",
        "precision": "FP32",
        "batch_size": 1,
        "dynamic_shape": False,
    }
    transforms: list[dict[str, Any]] = [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "size": [letterbox.columns * task.stride, letterbox.rows * task.stride]},
        {"type": "Pad", "size": [task.width, task.height], "pad_val": task.pad},
        {"type": "Normalize", "mean": task.mean, "std": task.deviation, "to_rgb": False},
        {"type": "ImageToTensor", "keys": ["img"]},
        {"type": "Collect", "keys": ["img"], "meta_keys": ["ori_shape", "img_shape", "pad_shape", "scale_factor"]},
    ]
    tasks: list[dict[str, Any]] = [
        {
            "type": "Task",
            "module": "Transform",
            "name": "Preprocess",
            "input": ["img"],
            "output": ["prep_output"],
            "transforms": transforms,
        },
        {
            "type": "Task",
            "module": "Net",
            "name": "segmentor",
            "is_batched": False,
            "input": ["prep_output"],
            "output": ["infer_output"],
            "input_map": {"img": "image"},
        },
        {
            "type": "Task",
            "module": "mmseg",
            "name": "postprocess",
            "component": "ResizeMask",
            "params": {"num_classes": len(task.palette), "with_argmax": arg_max},
            "input": ["prep_output", "infer_output"],
            "output": ["post_output"],
        },
    ]
    files: dict[str, Any] = {
        "deploy": {"version": "1.3.1", "task": "Segmentor", "models": [network], "customs": []},
        "pipeline": {"pipeline": {"input": ["img"], "output": ["post_output"], "tasks": tasks}},
        "detail": {"version": "1.3.1", "codebase": {"task": "Segmentation", "codebase": "mmseg"}},
    }
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1))
    return folder


def _covered(model: onnx.ModelProto, letterbox: Letterbox, stride: int, arg_max: bool) -> onnx.ModelProto:
    """The network with the logits that the frame covers as "output", or the classes at the input's size."""
    graph = model.graph
    ends = {"starts": [0, 0], "ends": [letterbox.rows, letterbox.columns], "axes": [2, 3]}
    graph.initializer.extend(numpy_helper.from_array(np.array(each, np.int64), name) for name, each in ends.items())
    graph.node.append(helper.make_node("Slice", ["logits", *ends], ["covered" if arg_max else "output"]))
    kind = onnx.TensorProto.INT64 if arg_max else onnx.TensorProto.FLOAT
    if arg_max:
        scales = numpy_helper.from_array(np.array([1, 1, stride, stride], np.float32), "scales")
        graph.initializer.append(scales)
        graph.node.append(helper.make_node("Resize", ["covered", "", "scales"], ["large"], mode="linear"))
        graph.node.append(helper.make_node("ArgMax", ["large"], ["output"], axis=1, keepdims=1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("output", kind, [1, None, None, None]))
    return model


if __name__ == "__main__":
    run_turn(prepare, "mmdeploy-runtime")
