"""Constants of which only the values that are not 0 are kept, as pruned networks have them, are written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

import edgeseg
from edgeseg.errors import ExportError
from edgeseg_export.frames import sample_frames
from tests.export.foreign.their_onnx import by_hand, description, imported, network


def pruned() -> tuple[onnx.ModelProto, NDArray[Any]]:
    """A network without the weights of its second convolution, and those, many of them 0."""
    model = network()
    tensor = next(each for each in model.graph.initializer if each.name == "w1")
    weights = numpy_helper.to_array(tensor)
    model.graph.initializer.remove(tensor)
    return model, np.where(np.abs(weights) < 0.2, 0, weights).astype(np.float32)


def kept(weights: NDArray[Any], form: str) -> onnx.SparseTensorProto:
    """What is not 0, by its number or by its place on every axis."""
    places = np.flatnonzero(weights) if form == "number" else np.argwhere(weights)
    values = numpy_helper.from_array(weights[np.nonzero(weights)], "w1")
    return helper.make_sparse_tensor(values, numpy_helper.from_array(places, "places"), weights.shape)


@pytest.mark.parametrize("form", ["number", "place"])
@pytest.mark.parametrize("constant", [False, True])
def test_they_are_those_of_the_network(form: str, constant: bool, tmp_path: Path) -> None:
    model, weights = pruned()
    if constant:
        model.graph.node.insert(0, helper.make_node("Constant", [], ["w1"], sparse_value=kept(weights, form)))
    else:
        model.graph.sparse_initializer.append(kept(weights, form))
    frame = sample_frames(None)[0]
    bundle = imported(model, tmp_path)
    np.testing.assert_allclose(
        edgeseg.load(bundle).logits(frame), by_hand(dense(weights), frame, description()["input"]), atol=1e-3
    )
    assert not onnx.load(bundle.path(bundle.artifacts[0])).graph.sparse_initializer


def dense(weights: NDArray[Any]) -> onnx.ModelProto:
    model, _ = pruned()
    model.graph.initializer.append(numpy_helper.from_array(weights, "w1"))
    return model


@pytest.mark.parametrize(
    ("place", "shape", "reason"),
    [
        (10**6, (5, 8, 3, 3), "out of bounds"),
        (-1, (5, 8, 3, 3), "before its beginning"),
        (0, (5, 0, 3, 3), "its shape is"),
        (0, (10**5, 10**5, 3, 3), "its shape is"),
    ],
)
def test_damaged_ones_are_refused(place: int, shape: tuple[int, ...], reason: str, tmp_path: Path) -> None:
    model, _ = pruned()
    values, places = np.ones(1, np.float32), np.array([place])
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(numpy_helper.from_array(values, "w1"), numpy_helper.from_array(places, "p"), shape)
    )
    with pytest.raises(ExportError, match=f"has damaged weights, 'w1' .*{reason}.*; export it again"):
        imported(model, tmp_path)
