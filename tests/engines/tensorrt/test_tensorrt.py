"""The TensorRT engine on a card that is not there but computes (card.py).

What holds for every engine is in test_engines.py, masks are in test_mask_on_card.py, plans in test_plan.py.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import edgeseg
from edgeseg.artifact import Artifact
from edgeseg.bundle_writer import write_bundle
from edgeseg.cache import cache_folder
from edgeseg.engines import open_engine
from edgeseg.engines.tensorrt import cuda_graph
from edgeseg.engines.tensorrt.engine import DEPTH, TensorRT
from edgeseg.errors import EngineError, FrameError
from edgeseg.spec import Rect, Spec
from tests.engines.opened import expected, frames, opened

LOAD_DRIVER = cuda_graph._load
MakeModel = Callable[..., onnx.ModelProto]


def test_masks_are_those_of_the_artifact(card: Any, model: Path, spec: Spec) -> None:
    engine = opened(model, spec)
    assert (engine.name, engine.threads, engine.without_graph) == ("tensorrt-rtx", 1, None)
    tensors = frames(spec, 5)
    actual = [engine.infer(tensor) for tensor in tensors]
    assert all(np.array_equal(a, b) for a, b in zip(actual, expected(model, spec, tensors), strict=True))
    assert card.launches == 5 + DEPTH  # and one a slot when it loads
    assert len(card.memory) == 2 * DEPTH
    engine.close()
    assert not card.memory
    assert not card.graphs


def test_what_the_card_frees_is_forgotten_while_its_context_is_current(
    card: Any, model: Path, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pycuda frees streams and pinned memory in their destructors, and leaks them where no context is current."""
    forgotten: list[int] = []
    real = card.cuda.pagelocked_empty

    def pinned(shape: Any, dtype: Any) -> NDArray[Any]:
        memory: NDArray[Any] = real(shape, dtype)
        weakref.finalize(memory, lambda: forgotten.append(card.current.depth))
        return memory

    monkeypatch.setattr(card.cuda, "pagelocked_empty", pinned)
    engine = opened(model, spec)
    tensor = frames(spec, 1)[0]
    for _ in range(2 * DEPTH):
        engine.mask(tensor, 40, 30, Rect(0.0, 0.0, 7.5, 4.5))
    assert forgotten == []
    engine.close()
    assert forgotten == [1] * 3 * DEPTH  # of each slot frame, logits and mask


@pytest.mark.usefixtures("card")
def test_segmenters_run_on_it(tmp_path: Path, model: Path, spec: Spec) -> None:
    plain = model.with_name("plain.onnx")
    plain.write_bytes(model.read_bytes())
    artifacts = {
        model: Artifact.of(model, target="tensorrt", precision="fp16"),
        plain: Artifact.of(plain, target="onnxruntime", precision="fp32"),
    }
    bundle = write_bundle(tmp_path / "tiny", spec, artifacts, None)
    frame = np.random.default_rng(1).integers(0, 256, (50, 70, 3), np.uint8)
    on_card, on_processor = edgeseg.load(bundle, engine="tensorrt"), edgeseg.load(bundle)
    assert np.array_equal(on_card(frame), on_processor(frame))
    on_card.close()


@pytest.mark.usefixtures("card")
def test_results_are_the_callers(model: Path, spec: Spec) -> None:
    engine = opened(model, spec)
    first, second = frames(spec, 2)
    actual = engine.infer(first)
    copied = actual.copy()
    engine.infer(second)
    assert np.array_equal(actual, copied)


@pytest.mark.usefixtures("card")
def test_tensors_of_another_kind_are_refused(model: Path, spec: Spec) -> None:
    engine = opened(model, spec)
    tensor = frames(spec, 1)[0]
    wrongs: list[NDArray[Any]] = [tensor[0], tensor[:, 1:], tensor.astype(np.float32), tensor[..., :2]]
    for wrong in wrongs:
        with pytest.raises(FrameError, match=r"expected \(1, 18, 30, 3\) of uint8"):
            engine.infer(wrong)


@pytest.mark.usefixtures("card")
def test_closed_engines_say_so(model: Path, spec: Spec) -> None:
    engine = opened(model, spec)
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.infer(frames(spec, 1)[0])


@pytest.mark.usefixtures("card")
def test_dynamic_artifacts_run_at_the_specs_size(tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    dynamic = replace(spec, dynamic=True)
    path = tmp_path / "tiny.fp32.onnx"
    onnx.save(make_model(dynamic), path)
    tensors = frames(spec, 1)
    assert np.array_equal(opened(path, dynamic).infer(tensors[0]), expected(path, dynamic, tensors)[0])


def test_many_threads_share_the_slots(card: Any, model: Path, spec: Spec) -> None:
    engine = opened(model, spec)
    tensors = frames(spec, 60)
    with ThreadPoolExecutor(6) as pool:
        actual = list(pool.map(engine.infer, tensors))
    assert all(np.array_equal(a, b) for a, b in zip(actual, expected(model, spec, tensors), strict=True))
    assert len(card.memory) == 2 * DEPTH
    assert getattr(card.current, "depth", 0) == 0


def test_without_graphs_the_calls_are_enqueued(card: Any, model: Path, spec: Spec) -> None:
    card.capturable = False
    engine = opened(model, spec)
    assert engine.without_graph == "the driver cannot run this network as a graph: cuStreamBeginCapture_v2 gives 900"
    tensors = frames(spec, 3)
    before = card.enqueued
    actual = [engine.infer(tensor) for tensor in tensors]
    assert all(np.array_equal(a, b) for a, b in zip(actual, expected(model, spec, tensors), strict=True))
    assert (card.launches, card.enqueued - before) == (0, 3)


def test_a_driver_without_its_library_is_no_obstacle(
    card: Any, model: Path, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg.engines.tensorrt.cuda_graph._load", LOAD_DRIVER)
    monkeypatch.setattr("edgeseg.engines.tensorrt.cuda_graph.LIBRARY", "libnone.so")
    engine = TensorRT(model, model.read_bytes(), spec, card.trt, card.cuda)
    assert "libnone.so" in (engine.without_graph or "")


def test_compiled_kernels_are_kept(card: Any, model: Path, spec: Spec) -> None:
    opened(model, spec).close()
    assert card.jit_read == []
    opened(model, spec).close()
    assert card.jit_read == [b"kernels"]


def test_a_place_that_cannot_be_written_only_costs_time(
    card: Any, model: Path, spec: Spec, capfd: pytest.CaptureFixture[str]
) -> None:
    cache_folder().write_text("a file")
    engine = opened(model, spec)
    assert "will be built again next time" in capfd.readouterr().err
    engine.infer(frames(spec, 1)[0])
    assert card.builds == 1


def test_a_lost_card_is_said_again_and_again(card: Any, model: Path, spec: Spec) -> None:
    engine = opened(model, spec)
    card.lost = True
    for _ in range(2):
        with pytest.raises(EngineError, match=r"the card failed \(an illegal memory access.*load the bundle again"):
            engine.infer(frames(spec, 1)[0])
    engine.close()


def test_little_memory_is_said(card: Any, model: Path, spec: Spec) -> None:
    card.room = 100
    with pytest.raises(EngineError, match="not enough free memory"):
        opened(model, spec)


def test_no_card_is_said(card: Any, model: Path, spec: Spec) -> None:
    card.cards = 0
    with pytest.raises(EngineError, match=r"no NVIDIA card.*no CUDA-capable device.*driver"):
        opened(model, spec)


def test_without_pycuda_it_says_what_to_install(model: Path, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    with pytest.raises(EngineError, match=r"pip install 'edgeseg\[tensorrt\]'"):
        opened(model, spec)


def test_graphs_that_it_cannot_read_are_refused(card: Any, model: Path, spec: Spec) -> None:
    graph = onnx.load(model)
    graph.graph.node.append(onnx.helper.make_node("NoSuchOperator", [graph.graph.output[0].name], ["z"]))
    with pytest.raises(EngineError, match=r"cannot read .*tiny.*: error 0: no model; export") as raised:
        open_engine("tensorrt", model, spec, threads=1, content=graph.SerializeToString())
    assert "\n" not in str(raised.value)
    assert card.builds == 0


@pytest.mark.parametrize("change", [{"stride": 2}, {"classes": ("a", "b"), "palette": ((0, 0, 0), (1, 1, 1))}])
def test_specs_of_other_models_are_refused(card: Any, model: Path, spec: Spec, change: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="its spec says"):
        opened(model, replace(spec, **change))
    assert not card.graphs


def test_other_signatures_are_refused(card: Any, tmp_path: Path, spec: Spec) -> None:
    given = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 18, 30, 3])
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 18, 30, 3])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [given], [result])
    path = tmp_path / "model.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
    with pytest.raises(EngineError, match="expected one uint8 frame"):
        opened(path, spec)
    assert not card.memory
