"""Networks of one channel, as for thermal and other grey cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from edgeseg import kernels
from edgeseg.engines import open_engine
from edgeseg.errors import EdgeSegError
from edgeseg_export.foreign.make_spec import make_spec
from edgeseg_export.foreign.model_spec import model_spec
from edgeseg_export.frames import sample_frames
from tests.export.foreign.their_onnx import HEIGHT, WIDTH, imported, network, saved

GREY = {"input_colour": "GREY", "input_mean": [0.4], "input_std": [0.25]}


def grey_network(form: str) -> onnx.ModelProto:
    """One whose first operator is a convolution, or another, or that has its channel last."""
    shape = (1, HEIGHT, WIDTH, 1) if form == "last" else (1, 1, HEIGHT, WIDTH)
    model = network(inputs=1, shape=shape)
    if form != "convolution":
        turned = helper.make_node("Transpose", ["x"], ["first"], perm=[0, 3, 1, 2])
        model.graph.node.insert(0, turned if form == "last" else helper.make_node("Sigmoid", ["x"], ["first"]))
        model.graph.node[1].input[0] = "first"
    return model


@pytest.mark.parametrize("form", ["convolution", "other", "last"])
@pytest.mark.parametrize("white", [1, 255])
def test_grey_is_the_luma_of_the_frame(tmp_path: Path, form: str, white: int) -> None:
    """OpenCV's of floats, which it does not round."""
    model = grey_network(form)
    numbers = {} if white == 1 else {"input_mean": [100], "input_std": [60]}
    bundle = imported(model, tmp_path, **{**GREY, "input_range": white, **numbers})
    mean, deviation = (0.4, 0.25) if white == 1 else (100.0, 60.0)
    artifact = bundle.artifacts[0]
    engine = open_engine("onnxruntime", bundle.folder / artifact.file, bundle.spec, threads=1)
    for frame in sample_frames(None)[:2]:
        small = kernels.resize(frame, WIDTH, HEIGHT)
        grey = cv2.cvtColor(small.astype(np.float32), cv2.COLOR_BGR2GRAY)
        prepared = (grey * np.float32(white / 255) - np.float32(mean)) / np.float32(deviation)
        place = (0, -1) if form == "last" else (0, 1)
        session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        expected = session.run(None, {"x": np.expand_dims(prepared, place)})[0]
        assert np.abs(engine.infer(small[None]) - expected).max() < 1e-4 * np.abs(expected).max()
    if form == "convolution":  # no operator more
        assert not {"MatMul", "Sum"} & {node.op_type for node in onnx.load(bundle.folder / artifact.file).graph.node}
        assert [node.op_type for node in onnx.load(bundle.folder / artifact.file).graph.node].count("Conv") == 2


@pytest.mark.parametrize(
    ("inputs", "changes", "message"),
    [
        (1, {}, r"takes 1 channel, the spec's colour has 3; write \"GREY\""),
        (3, GREY, r"takes 3 channels, the spec's colour has 1; write \"RGB\" or \"BGR\""),
        (1, {"input_colour": "GREY"}, r"mean is \[0\.485, 0\.456, 0\.406\], expected one number with colour GREY"),
        (3, {"input_mean": [0.5]}, r"mean is \[0\.5\], expected three numbers with colour RGB"),
        (1, {"input_colour": "GRAY"}, r"colour is 'GRAY', expected 'RGB', 'BGR' or, of one channel, 'GREY'"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, inputs: int, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EdgeSegError, match=message):
        imported(network(inputs=inputs, shape=(1, inputs, HEIGHT, WIDTH)), tmp_path, **changes)


def test_whole_levels_of_one_channel_are_refused(tmp_path: Path) -> None:
    model = network(inputs=1, shape=(1, 1, HEIGHT, WIDTH))
    model.graph.node.insert(0, helper.make_node("Cast", ["x"], ["float"], to=TensorProto.FLOAT))
    model.graph.node[1].input[0] = "float"
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    with pytest.raises(EdgeSegError, match="takes one channel of whole levels, expected floats"):
        imported(model, tmp_path, **{**GREY, "input_mean": [0], "input_std": [1], "input_range": 255})


@pytest.mark.parametrize("form", ["convolution", "last"])
def test_a_spec_begins_with_what_is_seen(tmp_path: Path, form: str) -> None:
    made = make_spec(saved(grey_network(form), tmp_path), like="torchvision")
    assert made.data["input"]["colour"] == "GREY"
    assert made.open_fields == ["classes", "licence", "input: mean", "input: std"]
    assert "one number to subtract" in made.data["input"]["mean"]
    assert made.notes[0].startswith(f"it takes float32 {'(1, 48, 64, 1)' if form == 'last' else '(1, 1, 48, 64)'}")
    filled = {**made.data["input"], "mean": [0.449], "std": [0.226], "range": 1}
    data = {**made.data, "input": filled, "classes": list("abcde"), "licence": "none"}
    assert model_spec(data).preparation.channels == 1
