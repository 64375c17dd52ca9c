from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from edgeseg.engines import open_engine, runtime
from edgeseg.engines.onnxruntime import _PROVIDERS
from edgeseg.engines.onnxruntime import open as open_onnx
from edgeseg.errors import EngineError
from edgeseg.spec import METADATA_KEY, Spec


def identity(dtype: int, shape: list[int | str], outputs: int = 1) -> onnx.ModelProto:
    """Casts its input to itself: a model with just this signature."""
    given = helper.make_tensor_value_info("x", dtype, shape)
    results = [helper.make_tensor_value_info(f"y{at}", dtype, shape) for at in range(outputs)]
    nodes = [helper.make_node("Identity", ["x"], [result.name]) for result in results]
    graph = helper.make_graph(nodes, "identity", [given], results)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    "model",
    [
        identity(TensorProto.FLOAT, [1, 18, 30, 3]),
        identity(TensorProto.UINT8, [1, 18, 30, 3]),
        identity(TensorProto.UINT8, [18, 30, 3]),
        identity(TensorProto.UINT8, [1, 18, 30, 3], outputs=2),
    ],
)
def test_other_signatures_are_refused(tmp_path: Path, spec: Spec, model: onnx.ModelProto) -> None:
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(EngineError, match="expected one uint8"):
        open_onnx(tmp_path / "model.onnx", (tmp_path / "model.onnx").read_bytes(), spec, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [(lambda text: text.replace("sky", "air"), "carries another spec"), (lambda text: text[1:], "cannot be read")],
)
def test_the_spec_is_the_one_in_the_file(
    tmp_path: Path,
    spec: Spec,
    make_model: Callable[..., onnx.ModelProto],
    change: Callable[[str], str],
    message: str,
) -> None:
    model, text = make_model(spec), json.dumps(spec.to_json())
    helper.set_model_props(model, {METADATA_KEY: text})
    onnx.save(model, tmp_path / "model.onnx")
    open_onnx(tmp_path / "model.onnx", (tmp_path / "model.onnx").read_bytes(), spec, 1)
    helper.set_model_props(model, {METADATA_KEY: change(text)})
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(EngineError, match=message):
        open_onnx(tmp_path / "model.onnx", (tmp_path / "model.onnx").read_bytes(), spec, 1)


def test_nothing_is_printed(
    tmp_path: Path, spec: Spec, make_model: Callable[..., onnx.ModelProto], capfd: pytest.CaptureFixture[str]
) -> None:
    model = make_model(spec)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(3, np.float32), "unused"))
    onnx.save(model, tmp_path / "model.onnx")
    open_onnx(tmp_path / "model.onnx", (tmp_path / "model.onnx").read_bytes(), spec, 1)
    assert capfd.readouterr() == ("", "")


def saved(folder: Path, model: onnx.ModelProto) -> Path:
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


@pytest.mark.parametrize("variant", ["cuda", "tensorrt"])
def test_providers_that_are_absent_are_said(
    tmp_path: Path, spec: Spec, make_model: Callable[..., onnx.ModelProto], variant: str
) -> None:
    if len(ort.get_available_providers()) > 2:
        pytest.skip("this ONNX Runtime has more providers than the CPU's")
    path = saved(tmp_path, make_model(spec))
    with pytest.raises(EngineError, match=r"has no .*ExecutionProvider, only .*install onnxruntime-gpu"):
        open_engine(f"onnxruntime:{variant}", path, spec, threads=1)


def test_nothing_falls_to_the_processor(
    tmp_path: Path, spec: Spec, make_model: Callable[..., onnx.ModelProto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a provider that is there and can run none of the operators, as a card's may not run some."""
    monkeypatch.setitem(_PROVIDERS, "cuda", ["AzureExecutionProvider"])
    if "AzureExecutionProvider" not in ort.get_available_providers():
        pytest.skip("this ONNX Runtime has no such provider")
    path = saved(tmp_path, make_model(spec))
    with pytest.raises(EngineError, match=r"refuses .* on AzureExecutionProvider alone.*without the variant") as raised:
        open_onnx(path, path.read_bytes(), spec, 1, "cuda")
    assert "\n" not in str(raised.value)


def test_a_provider_that_does_not_start_is_said(
    tmp_path: Path, spec: Spec, make_model: Callable[..., onnx.ModelProto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime lists providers whose libraries are missing, and then runs on the CPU."""

    class Fallen(ort.InferenceSession):  # type: ignore[misc]
        def __init__(self, content: bytes, *_: object, **__: object) -> None:
            super().__init__(content, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(ort, "InferenceSession", Fallen)
    path = saved(tmp_path, make_model(spec))
    with pytest.raises(EngineError, match=r"could not start CUDA.* would have run on CPU"):
        open_onnx(path, path.read_bytes(), spec, 1, "cuda")


def test_unknown_variants_list_the_known() -> None:
    with pytest.raises(EngineError, match=r"choose onnxruntime, onnxruntime:cuda, onnxruntime:tensorrt$"):
        runtime("onnxruntime:vulkan")
    with pytest.raises(EngineError, match=r"choose tensorrt$"):
        runtime("tensorrt:cuda")
    with pytest.raises(EngineError, match="no variant ''; choose onnxruntime, "):
        runtime("onnxruntime:")
    with pytest.raises(EngineError, match=r"no engine 'auto:'; choose one of auto, onnxruntime"):
        runtime("auto:", auto=True)
    with pytest.raises(EngineError, match=r"no engine '_plan'"):
        runtime("_plan")
