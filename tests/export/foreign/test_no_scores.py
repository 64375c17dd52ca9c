"""Networks that give classes in place of scores: ids that are counted otherwise, or painted in a palette's colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgeseg.errors import ExportError, SpecError
from edgeseg_export.foreign.import_onnx import import_onnx
from edgeseg_export.foreign.make_spec import make_spec
from edgeseg_export.foreign.model_spec import model_spec
from tests.export.foreign.their_onnx import constant, description, network, saved


def test_class_ids_that_no_arg_max_makes_are_named(tmp_path: Path) -> None:
    def counted_from_one(s: str) -> list[onnx.NodeProto]:
        one, choice = constant("one", np.array(1)), helper.make_node("ArgMax", [s], ["ids"], axis=1, keepdims=0)
        return [one, choice, helper.make_node("Add", ["ids", "one"], ["out"])]

    with pytest.raises(SpecError, match="holds class ids that no arg-max at its end makes; export the scores before"):
        make_spec(saved(network(counted_from_one, out=TensorProto.INT64), tmp_path))


def painted(palette: list[list[int]], out: int) -> onnx.ModelProto:
    """A network whose class ids are painted, (1, h, w, 3)."""

    def paint(s: str) -> list[onnx.NodeProto]:
        colours = constant("colours", np.array(palette, helper.tensor_dtype_to_np_dtype(out)))
        choice = helper.make_node("ArgMax", [s], ["ids"], axis=1, keepdims=0)
        return [colours, choice, helper.make_node("Gather", ["colours", "ids"], ["out"])]

    return network(paint, out=out, channels=len(palette))


@pytest.mark.parametrize("out", [TensorProto.UINT8, TensorProto.FLOAT])
def test_masks_that_are_painted_are_no_scores_of_three_classes(tmp_path: Path, out: int) -> None:
    path = saved(painted([[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]], out), tmp_path)
    with pytest.raises(ExportError, match=r"gives no scores: its three channels hold .* the colours of a palette, exp"):
        make_spec(path)
    with pytest.raises(SpecError, match="a palette's colours, export" if out != 1 else "which to keep$"):
        import_onnx(path, model_spec(description()), tmp_path / "out")
    notes: list[str] = []
    three = description(classes=["a", "b", "c"])
    import_onnx(path, model_spec(three), tmp_path / "out", note=notes.append)
    assert any("if they are the colours of a palette" in note for note in notes)


def test_a_mask_for_each_of_three_classes_is_not_painted(tmp_path: Path) -> None:
    made = make_spec(saved(painted([[255, 0, 0], [0, 255, 0], [0, 0, 255]], TensorProto.UINT8), tmp_path))
    assert "3 names" in made.data["classes"]
