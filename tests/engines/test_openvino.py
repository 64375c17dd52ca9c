from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import edgeseg
from edgeseg.bundle import Bundle
from edgeseg.cache import keep
from edgeseg.engines import open_engine, runtime
from edgeseg.engines._openvino_head import product_as_convolution
from edgeseg.errors import EngineError
from edgeseg.processor import sums_int8_exactly
from edgeseg.spec import METADATA_KEY, Spec
from edgeseg_export.frames import sample_frames

MakeModel = Callable[..., onnx.ModelProto]

if find_spec("openvino") is None:
    pytest.skip("openvino is not installed", allow_module_level=True)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where compiled models are kept."""
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def tiny(tmp_path: Path, spec: Spec, make_model: MakeModel) -> Path:
    onnx.save(make_model(spec), tmp_path / "tiny.onnx")
    return tmp_path / "tiny.onnx"


@pytest.fixture
def cannot_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the cache or not at all."""

    def fail(*_: Any) -> None:
        raise RuntimeError("compiled again")

    monkeypatch.setattr("openvino.Core.compile_model", fail)


def tensor(spec: Spec) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(4).integers(0, 256, (1, spec.height, spec.width, 3), np.uint8)


def test_road_gives_the_masks_that_it_gives_in_onnxruntime() -> None:
    ours = edgeseg.load("road", precision="fp32", threads=2)
    theirs = edgeseg.load("road", engine="openvino", precision="fp32", threads=2)
    for frame in sample_frames(None)[:2]:
        np.testing.assert_allclose(theirs.logits(frame), ours.logits(frame), rtol=1e-3, atol=1e-3)  # not bfloat16's
        assert (theirs(frame) == ours(frame)).mean() > 0.999


def test_int8_is_as_close_to_fp32_as_in_onnxruntime() -> None:
    bundle = Bundle.open("road")
    if "int8" not in {each.precision for each in bundle.artifacts_for("onnxruntime")}:
        pytest.skip("road has no int8")
    if not sums_int8_exactly():
        pytest.skip("ONNX Runtime saturates here, without VNNI")
    fp32 = edgeseg.load(bundle, precision="fp32", threads=2)
    names = ("onnxruntime", "openvino")
    int8 = {name: edgeseg.load(bundle, engine=name, precision="int8", threads=2) for name in names}
    frames = sample_frames(None)
    expected = [fp32(frame) for frame in frames]
    same = {
        name: np.mean([model(frame) == mask for frame, mask in zip(frames, expected, strict=True)])
        for name, model in int8.items()
    }
    assert same["openvino"] > same["onnxruntime"] - 0.01


IMPORT = """
import subprocess
import sys
seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event.startswith("socket.") else None)
from edgeseg.engines import runtime
runtime("openvino")
import threading
print(seen, "openvino_telemetry" in sys.modules, threading.active_count())
"""


def test_nothing_is_reported_to_anybody(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", IMPORT],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert result.stdout.split("\n")[0] == "[] False 1"
    assert list(tmp_path.iterdir()) == []


def test_compiled_models_are_kept(tiny: Path, spec: Spec, cache: Path, request: pytest.FixtureRequest) -> None:
    before = open_engine("openvino", tiny, spec, threads=1).infer(tensor(spec))
    assert sorted(path.name.rpartition(".")[2] for path in cache.iterdir()) == ["key", "openvino"]
    request.getfixturevalue("cannot_compile")
    assert np.array_equal(open_engine("openvino", tiny, spec, threads=1).infer(tensor(spec)), before)
    with pytest.raises(EngineError, match="compiled again"):
        open_engine("openvino", tiny, spec, threads=2)


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: content[:70] + b"x", lambda _: b""])
def test_damaged_compiled_models_are_made_again(
    tiny: Path, spec: Spec, cache: Path, damage: Callable[[bytes], bytes], request: pytest.FixtureRequest
) -> None:
    before = open_engine("openvino", tiny, spec, threads=1).infer(tensor(spec))
    (file,) = cache.glob("*.openvino")
    file.write_bytes(damage(file.read_bytes()))
    assert np.array_equal(open_engine("openvino", tiny, spec, threads=1).infer(tensor(spec)), before)
    request.getfixturevalue("cannot_compile")
    open_engine("openvino", tiny, spec, threads=1)


def test_what_openvino_itself_refuses_is_made_again(
    tiny: Path, spec: Spec, cache: Path, request: pytest.FixtureRequest
) -> None:
    before = open_engine("openvino", tiny, spec, threads=1).infer(tensor(spec))
    (file,) = cache.glob("*.openvino")
    keep(file, b"verified, and no model")
    assert np.array_equal(open_engine("openvino", tiny, spec, threads=1).infer(tensor(spec)), before)
    request.getfixturevalue("cannot_compile")  # what is kept is a model again, whose size differs from run to run
    assert np.array_equal(open_engine("openvino", tiny, spec, threads=1).infer(tensor(spec)), before)


def test_a_cache_that_cannot_be_written_is_said(
    tiny: Path, spec: Spec, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache.write_text("a file, no folder")
    open_engine("openvino", tiny, spec, threads=1).infer(tensor(spec))
    assert "is not kept" in capsys.readouterr().err


def test_the_spec_is_the_one_in_the_file(tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    model, text = make_model(spec), json.dumps(spec.to_json())
    for carried, message in ((text, None), (text.replace("sky", "air"), "carries another spec"), (text[1:], "be read")):
        helper.set_model_props(model, {METADATA_KEY: carried})
        onnx.save(model, tmp_path / "tiny.onnx")
        if message is None:
            open_engine("openvino", tmp_path / "tiny.onnx", spec, threads=1)
        else:
            with pytest.raises(EngineError, match=message):
                open_engine("openvino", tmp_path / "tiny.onnx", spec, threads=1)


def product(width: int, height: int) -> tuple[onnx.ModelProto, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A head of three classes on a frame's bytes, as our INT8 files have it; its matrix and bias."""
    random = np.random.default_rng(1)
    matrix, bias = random.normal(size=(3, 3)).astype(np.float32), random.normal(size=3).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["frame"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["float"], ["planar"], perm=[0, 3, 1, 2]),
            helper.make_node("Transpose", ["planar"], ["pixels"], perm=[0, 2, 3, 1]),
            helper.make_node("MatMul", ["pixels", "matrix"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["sum"]),
            helper.make_node("Transpose", ["sum"], ["logits"], perm=[0, 3, 1, 2]),
        ],
        "head",
        [helper.make_tensor_value_info("frame", TensorProto.UINT8, [1, height, width, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 3, height, width])],
        [onnx.numpy_helper.from_array(matrix, "matrix"), onnx.numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, matrix, bias


def test_a_head_that_is_a_product_runs_as_a_convolution(tmp_path: Path, spec: Spec) -> None:
    one = replace(spec, stride=1)
    model, matrix, bias = product(one.width, one.height)
    onnx.save(model, tmp_path / "head.onnx")
    frame = tensor(one)
    logits = open_engine("openvino", tmp_path / "head.onnx", one, threads=1).infer(frame)
    np.testing.assert_allclose(logits, (frame @ matrix + bias).transpose(0, 3, 1, 2), rtol=1e-4, atol=1e-3)
    ov = importlib.import_module("edgeseg.engines.openvino").ov
    read = ov.Core().read_model(model.SerializeToString())
    product_as_convolution(ov, read)
    kinds = {node.get_type_name() for node in read.get_ops()}
    assert "Convolution" in kinds
    assert "MatMul" not in kinds


def test_the_product_within_road_runs_as_a_convolution() -> None:
    """Its logits are enlarged and corrected after it; so it is not what the result reads."""
    ov = importlib.import_module("edgeseg.engines.openvino").ov
    bundle = Bundle.open("road")
    read = ov.Core().read_model(bundle.read(bundle.artifact(target="onnxruntime", precision="int8")))
    kinds = [node.get_type_name() for node in read.get_ordered_ops()]
    product_as_convolution(ov, read)
    changed = [node.get_type_name() for node in read.get_ordered_ops()]
    assert (kinds.count("MatMul"), changed.count("MatMul")) == (1, 0)
    assert changed.count("Convolution") == kinds.count("Convolution") + 1
    assert [name for each in read.outputs for name in each.get_names()] == ["logits"]


def test_other_heads_stay_as_they_are(spec: Spec, make_model: MakeModel) -> None:
    ov = importlib.import_module("edgeseg.engines.openvino").ov
    turned, mapped = (product(spec.width, spec.height)[0] for _ in range(2))
    turned.graph.node[2].attribute[0].ints[:] = [0, 3, 2, 1]
    bias = np.ones((spec.height, spec.width, 3), np.float32)  # another for each pixel
    mapped.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(bias, "bias"))
    for other in (make_model(spec), turned, mapped):
        read = ov.Core().read_model(other.SerializeToString())
        before = [node.get_type_name() for node in read.get_ordered_ops()]
        product_as_convolution(ov, read)
        assert [node.get_type_name() for node in read.get_ordered_ops()] == before


@pytest.mark.parametrize(("dtype", "shape"), [(TensorProto.FLOAT, [1, 18, 30, 3]), (TensorProto.UINT8, [18, 30, 3])])
def test_other_signatures_are_refused(tmp_path: Path, spec: Spec, dtype: int, shape: list[int]) -> None:
    values = [helper.make_tensor_value_info(name, dtype, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", values[:1], values[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "x.onnx")
    with pytest.raises(EngineError, match="expected one uint8"):
        open_engine("openvino", tmp_path / "x.onnx", spec, threads=1)


def test_where_it_is_absent_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(sys.modules, "edgeseg.engines.openvino", raising=False)
    with pytest.raises(EngineError, match=r"pip install 'edgeseg\[openvino\]'"):
        runtime("openvino")


FREED_ELSEWHERE = """
import signal, threading, numpy as np, edgeseg
model = edgeseg.load("road-nano", engine="openvino", precision="fp32", threads=1)
model(np.zeros((9, 9, 3), np.uint8))
held = [model]
del model
thread = threading.Thread(target=held.clear)
thread.start()
thread.join()
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(True))
signal.raise_signal(signal.SIGINT)
assert seen
"""


def test_signals_are_handled_after_another_thread_freed_the_model() -> None:
    """OpenVINO's signal stack of the thread that loads is gone then, and the process would end by SIGSEGV."""
    command = [sys.executable, "-c", FREED_ELSEWHERE]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
