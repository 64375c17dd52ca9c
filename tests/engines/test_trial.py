"""Models that take the memory of the machine, in a few hundred bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeseg.artifact import SHIPPED
from edgeseg.engines import _trial, open_engine
from edgeseg.errors import EngineError
from edgeseg.limits import MEMORY, SECONDS
from edgeseg.spec import Spec

MakeModel = Callable[..., onnx.ModelProto]


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(MEMORY, "600")
    monkeypatch.setenv(SECONDS, "100")


def bomb(spec: Spec, make_model: MakeModel) -> onnx.ModelProto:
    """The logits plus the sum of 4 GiB of zeros."""
    model = make_model(spec)
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.array([2**30], np.int64), "much"))
    graph.node[-1].output[0] = "before"
    graph.node.append(helper.make_node("Cast", ["frame"], ["any"], to=TensorProto.INT64))
    graph.node.append(helper.make_node("ReduceMin", ["any"], ["zero"], keepdims=0))
    graph.node.append(helper.make_node("Add", ["much", "zero"], ["size"]))
    graph.node.append(helper.make_node("ConstantOfShape", ["size"], ["zeros"]))
    graph.node.append(helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0))
    graph.node.append(helper.make_node("Add", ["before", "sum"], ["logits"]))
    return model


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_model_that_takes_too_much_is_refused(
    name: str, tmp_path: Path, spec: Spec, make_model: MakeModel
) -> None:
    pytest.importorskip(name)
    onnx.save(bomb(spec, make_model), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").stat().st_size < 2000
    with pytest.raises(EngineError, match=r"model\.onnx is not opened: it needs more than 600 MiB of memory"):
        open_engine(name, tmp_path / "model.onnx", spec, threads=1)


def test_good_models_are_tried_once(
    tmp_path: Path, spec: Spec, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    path = tmp_path / "model.onnx"
    onnx.save(make_model(spec), path)
    open_engine("onnxruntime", path, spec, threads=1).close()
    monkeypatch.setattr(_trial, "attempt", lambda *_, **__: "it is tried again")
    open_engine("onnxruntime", path, spec, threads=1).close()
    for name, threads in (("openvino", 1), ("onnxruntime", 2)):
        with pytest.raises(EngineError, match="tried again"):
            open_engine(name, path, spec, threads=threads)
    monkeypatch.setenv(MEMORY, "700")
    with pytest.raises(EngineError, match="tried again"):
        open_engine("onnxruntime", path, spec, threads=1)
    open_engine("onnxruntime", path, spec, threads=1, own=True).close()


def test_models_that_a_runtime_refuses_say_so_themselves(tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    model = make_model(spec)
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(EngineError, match="NoSuchOperator"):
        open_engine("onnxruntime", tmp_path / "model.onnx", spec, threads=1)


def test_our_own_bundles_need_no_trial(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_trial, "attempt", lambda *_, **__: "it is tried")
    _trial.try_model("onnxruntime", SHIPPED / "road/road.fp32.onnx", b"", spec, 1)
    with pytest.raises(EngineError, match="it is tried"):
        _trial.try_model("onnxruntime", SHIPPED / "../cli.py", b"", spec, 1)
