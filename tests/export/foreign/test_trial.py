"""`edgeseg import` of a file that would take the memory of the machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeseg.errors import ExportError
from edgeseg.limits import MEMORY
from edgeseg_export.foreign.trial import main, try_import

SPEC = """{"format": 1, "name": "x", "stride": 1, "classes": ["a", "b", "c"], "palette": null, "ignore": null,
"licence": "none", "input": {"width": 8, "height": 8, "resize": "stretch", "pad": 0, "dynamic": false,
"colour": "RGB", "range": 255, "mean": [0, 0, 0], "std": [1, 1, 1]}}"""


def save(path: Path, factor: int) -> None:
    """A network that gives its input, and before it computes with `factor` zeros."""
    graph = helper.make_graph(
        [
            helper.make_node("ConstantOfShape", ["size"], ["zeros"]),
            helper.make_node("ReduceSum", ["zeros"], ["zero"], keepdims=0),
            helper.make_node("Add", ["x", "zero"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 8, 8])],
        [numpy_helper.from_array(np.array([factor], np.int64), "size")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def test_what_takes_too_much_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEMORY, "1500")
    (tmp_path / "spec.json").write_text(SPEC)
    save(tmp_path / "bomb.onnx", 2**30)
    with pytest.raises(ExportError, match=r"bomb\.onnx is not imported: it needs more than 1500 MiB of memory"):
        try_import(tmp_path / "bomb.onnx", tmp_path / "spec.json")
    save(tmp_path / "plain.onnx", 1)
    try_import(tmp_path / "plain.onnx", tmp_path / "spec.json")
    assert main(str(tmp_path / "plain.onnx"), str(tmp_path / "spec.json")) == 0
    assert main(str(tmp_path / "none.onnx"), str(tmp_path / "spec.json")) == 1
