"""Networks of any size, of a fixed batch, and of open sizes that are written as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper

import edgeseg
from edgeseg.errors import ExportError, SpecError
from edgeseg_export.frames import sample_frames
from tests.export.foreign.their_onnx import (
    CLASSES,
    HEIGHT,
    WIDTH,
    Nodes,
    by_hand,
    constant,
    description,
    imported,
    network,
)


def test_dynamic_shapes(tmp_path: Path) -> None:
    model = network(shape=("n", 3, "h", "w"))
    fixed = imported(model, tmp_path)
    frame_input = onnx.load(fixed.path(fixed.artifacts[0])).graph.input[0]
    assert [dim.dim_value for dim in frame_input.type.tensor_type.shape.dim] == [1, HEIGHT, WIDTH, 3]
    dynamic = imported(model, tmp_path, input_dynamic=True)
    session = ort.InferenceSession(str(dynamic.path(dynamic.artifacts[0])), providers=["CPUExecutionProvider"])
    assert session.run(None, {"frame": np.zeros((1, 96, 80, 3), np.uint8)})[0].shape == (1, CLASSES, 24, 20)
    sizes = dynamic.artifacts[0].measured.facts["original"]["sizes"]
    assert len(set(sizes)) == 3
    assert f"{WIDTH}x{HEIGHT}" not in sizes
    with pytest.raises(SpecError, match='"dynamic"; write false'):
        imported(network(), tmp_path, input_dynamic=True)


def test_a_batch_of_a_fixed_size_becomes_one_picture(tmp_path: Path) -> None:
    model = network(shape=(4, 3, HEIGHT, WIDTH))
    bundle = imported(model, tmp_path)
    frame = sample_frames(None)[0]
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    logits = edgeseg.load(bundle, engine="onnxruntime").logits(frame)
    np.testing.assert_allclose(logits, by_hand(model, frame, description()["input"]), atol=1e-4)
    assert bundle.spec.batch == 1


def test_what_is_tied_to_one_size_is_not_called_dynamic(tmp_path: Path) -> None:
    """Its resize has a fixed size in it, as pyramid pooling exported at one size has."""

    def tail(scores: str) -> Nodes:
        sizes = constant("sizes", np.array([1, CLASSES, HEIGHT // 4, WIDTH // 4]))
        empty = [constant("roi", np.zeros(0, np.float32)), constant("scales", np.zeros(0, np.float32))]
        small = helper.make_node("AveragePool", [scores], ["small"], kernel_shape=[4, 4], strides=[4, 4])
        large = helper.make_node("Resize", ["small", "roi", "scales", "sizes"], ["large"], mode="linear")
        return [*empty, sizes, small, large, helper.make_node("Add", [scores, "large"], ["out"])]

    model = network(tail, shape=("n", 3, "h", "w"))
    imported(model, tmp_path)
    (tmp_path / "dynamic").mkdir()
    with pytest.raises(ExportError, match=r"not dynamic, onnxruntime at 32x32 fails"):
        imported(model, tmp_path / "dynamic", input_dynamic=True)


@pytest.mark.parametrize("size", [-1, 0])
def test_an_open_size_may_be_written_as_a_number(size: int, tmp_path: Path) -> None:
    """ONNX Runtime takes -1 for any, and refuses every picture for a size of 0."""
    model, frame = network(), sample_frames(None)[0]
    expected = by_hand(model, frame, description()["input"])
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[0].dim_value = size
    found = edgeseg.load(imported(model, tmp_path).folder, engine="onnxruntime").logits(frame)
    np.testing.assert_allclose(found, expected, atol=1e-4)
