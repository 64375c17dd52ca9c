"""The TensorRT engine on a card that is not there but computes (card.py).

What holds for every engine is in test_engines.py; this is what is TensorRT's own.
"""

from __future__ import annotations

import json
import sys
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
from edgeseg.bundle import write_bundle
from edgeseg.engines import open_engine
from edgeseg.engines._plan import cache_folder
from edgeseg.engines.tensorrt import DEPTH, TensorRT
from edgeseg.errors import EngineError, FrameError
from edgeseg.sidecar import sidecar_of
from edgeseg.spec import Spec

MakeModel = Callable[..., onnx.ModelProto]


@pytest.fixture
def model(tmp_path: Path, spec: Spec, make_model: MakeModel) -> Path:
    path = tmp_path / "tiny.fp32.onnx"
    onnx.save(make_model(spec), path)
    return path


def opened(model: Path, spec: Spec) -> TensorRT:
    engine = open_engine("tensorrt", model, spec, threads=1)
    assert isinstance(engine, TensorRT)
    return engine


def frames(spec: Spec, count: int) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(5)
    return [random.integers(0, 256, (1, spec.height, spec.width, 3), np.uint8) for _ in range(count)]


def expected(model: Path, spec: Spec, tensors: list[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
    other = open_engine("onnxruntime", model, spec, threads=1)
    return [other.infer(tensor) for tensor in tensors]


def kept() -> Path:
    (plan,) = cache_folder().glob("*.engine")
    return plan


def test_masks_are_those_of_the_artifact(card: Any, model: Path, spec: Spec) -> None:
    engine = opened(model, spec)
    assert (engine.name, engine.threads, engine.without_graph) == ("tensorrt-rtx", 1, None)
    tensors = frames(spec, 5)
    found = [engine.infer(tensor) for tensor in tensors]
    assert all(np.array_equal(a, b) for a, b in zip(found, expected(model, spec, tensors), strict=True))
    assert card.launches == 5
    assert len(card.memory) == 2 * DEPTH
    engine.close()
    assert not card.memory
    assert not card.graphs


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
    found = engine.infer(first)
    copied = found.copy()
    engine.infer(second)
    assert np.array_equal(found, copied)


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
        found = list(pool.map(engine.infer, tensors))
    assert all(np.array_equal(a, b) for a, b in zip(found, expected(model, spec, tensors), strict=True))
    assert len(card.memory) == 2 * DEPTH
    assert getattr(card.current, "depth", 0) == 0


def test_without_graphs_the_calls_are_enqueued(card: Any, model: Path, spec: Spec) -> None:
    card.capturable = False
    engine = opened(model, spec)
    assert engine.without_graph == "the driver cannot run this network as a graph: cuStreamBeginCapture_v2 gives 900"
    tensors = frames(spec, 3)
    before = card.enqueued
    found = [engine.infer(tensor) for tensor in tensors]
    assert all(np.array_equal(a, b) for a, b in zip(found, expected(model, spec, tensors), strict=True))
    assert (card.launches, card.enqueued - before) == (0, 3)


def test_a_driver_without_its_library_is_no_obstacle(
    card: Any, model: Path, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("edgeseg.engines._cuda_graph.LIBRARY", "libnone.so")
    monkeypatch.setenv("EDGESEG_CACHE", str(model.parent))
    engine = TensorRT(model, spec, card.trt, card.cuda)
    assert "libnone.so" in (engine.without_graph or "")


def test_plans_are_built_once(card: Any, model: Path, spec: Spec, capfd: pytest.CaptureFixture[str]) -> None:
    opened(model, spec).close()
    assert "building tiny.fp32 for tensorrt-rtx 1.7.1.116, which may take minutes" in capfd.readouterr().err
    opened(model, spec).close()
    assert capfd.readouterr().err == ""
    assert card.builds == 1
    assert json.loads(sidecar_of(kept()).read_text())["key"]["compute_capability"] == "8.9"


def edit(**changes: Any) -> None:
    """Changes the key in the notes."""
    path = sidecar_of(kept())
    data = json.loads(path.read_text())
    data["key"].update(changes)
    path.write_text(json.dumps(data))


STALE: dict[str, tuple[Callable[[], Any], str]] = {
    "product": (lambda: edit(product="tensorrt"), "its notes say tensorrt 1.7.1.116"),
    "version": (lambda: edit(version="1.7.0.1"), "its notes say tensorrt-rtx 1.7.0.1"),
    "system": (lambda: edit(system="Plan 9 riscv"), "built for system 'Plan 9 riscv'"),
    "card": (lambda: edit(compute_capability="7.5"), "compute_capability '7.5', here it is '8.9'"),
    "model": (lambda: edit(onnx_sha256="0" * 64), "onnx_sha256 '0000"),
    "options": (lambda: edit(options={}), "options {}"),
    "no options": (lambda: edit(options=None), "key: options is None, expected an object"),
    "altered": (lambda: kept().write_bytes(kept().read_bytes()[:-1] + b"x"), "is not the file that was built"),
    "other bytes": (lambda: kept().write_bytes(b"#!/bin/sh\n" * 9), "is no TensorRT engine"),
    "cut off": (lambda: kept().write_bytes(b"vtrt"), "is no TensorRT engine"),
    "no notes": (lambda: sidecar_of(kept()).unlink(), "cannot read"),
    "no json": (lambda: sidecar_of(kept()).write_text("{"), "not readable JSON"),
    "format": (lambda: sidecar_of(kept()).write_text('{"format": 2}'), "has format 2"),
}


@pytest.mark.parametrize("name", STALE)
def test_stale_plans_are_built_again(
    card: Any, model: Path, spec: Spec, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    opened(model, spec).close()
    capfd.readouterr()
    spoil, reason = STALE[name]
    spoil()
    engine = opened(model, spec)
    assert reason in capfd.readouterr().err
    assert card.builds == 2
    tensors = frames(spec, 1)
    assert np.array_equal(engine.infer(tensors[0]), expected(model, spec, tensors)[0])
    engine.close()
    opened(model, spec).close()
    assert card.builds == 2


def test_other_cards_have_plans_of_their_own(card: Any, model: Path, spec: Spec) -> None:
    opened(model, spec).close()
    card.capability = (12, 0)
    opened(model, spec).close()
    assert {path.name.rpartition("sm")[2] for path in cache_folder().glob("*.engine")} == {"8.9.engine", "12.0.engine"}


def test_a_plan_alone_is_checked_and_never_built(card: Any, model: Path, spec: Spec) -> None:
    opened(model, spec).close()
    plan = kept()
    opened(plan, spec).close()
    assert card.builds == 1
    card.capability = (8, 7)
    with pytest.raises(EngineError, match=r"not for this machine: .*compute_capability '8\.9', here it is '8\.7'"):
        opened(plan, spec)
    card.capability = (8, 9)
    sidecar_of(plan).unlink()
    with pytest.raises(EngineError, match="compile the bundle again"):
        opened(plan, spec)


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
    model.write_bytes(b"no model")
    with pytest.raises(EngineError, match=r"cannot read .*tiny.*: error 0: no model; export") as raised:
        opened(model, spec)
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
