"""What holds for every engine; a new one joins by one line in ENGINES."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from edgeseg.artifact import read_model
from edgeseg.engines import MOST_THREADS, open_engine, runtime
from edgeseg.errors import BundleError, EngineError, FrameError
from edgeseg.spec import Spec

ENGINES = ["onnxruntime", "openvino"]
MakeModel = Callable[..., onnx.ModelProto]


@pytest.fixture(params=ENGINES)
def name(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    if find_spec(str(request.param)) is None:
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


def saved(folder: Path, model: onnx.ModelProto) -> Path:
    path = folder / "model.onnx"
    onnx.save(model, path)
    return path


def frames(spec: Spec, count: int) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(2)
    return [random.integers(0, 256, (1, spec.height, spec.width, 3), np.uint8) for _ in range(count)]


def reference(model: onnx.ModelProto, spec: Spec, tensor: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The tiny model's convolution as one sum over each stride x stride patch."""
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0])
    rows, columns = -(-spec.height // spec.stride), -(-spec.width // spec.stride)
    padded = np.zeros((rows * spec.stride, columns * spec.stride, 3))
    padded[: spec.height, : spec.width] = tensor[0].astype(np.float64) - 128
    patches = padded.reshape(rows, spec.stride, columns, spec.stride, 3)
    logits: NDArray[np.float64] = np.einsum("ykxlc,ockl->oyx", patches, weight)[np.newaxis]
    return logits


def test_logits_are_the_networks(name: str, tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    model = make_model(spec)
    engine = open_engine(name, saved(tmp_path, model), spec, threads=1)
    assert (engine.name, engine.threads) == (name, 1)
    for tensor in frames(spec, 3):
        logits = engine.infer(tensor)
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, reference(model, spec, tensor), rtol=1e-4, atol=1e-3)


def test_a_model_is_checked_once(
    name: str, tmp_path: Path, spec: Spec, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes time, so what was checked says so of itself; other bytes do not."""
    path = saved(tmp_path, make_model(spec))
    checked = read_model(path)
    looked: list[bytes] = []

    def has_external_data(model: bytes) -> bool:
        looked.append(model)
        return False

    monkeypatch.setattr("edgeseg.artifact.has_external_data", has_external_data)
    open_engine(name, path, spec, 1, checked).close()
    assert looked == []
    open_engine(name, path, spec, 1, bytes(checked)).close()
    assert looked == [checked]


def test_bytes_are_all_that_an_engine_is_given(name: str, spec: Spec, make_model: MakeModel) -> None:
    """The path is a name for messages: nothing lies there."""
    content = make_model(spec).SerializeToString()
    engine = open_engine(name, Path("/nonexistent/model.onnx"), spec, 1, content)
    assert engine.infer(frames(spec, 1)[0]).shape[0] == 1
    engine.close()


def test_weights_elsewhere_are_refused_before_the_runtime_is_asked(
    name: str, tmp_path: Path, spec: Spec, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime 1.23, the newest for Python 3.10, would load them, from the working directory or anywhere."""
    model = make_model(spec)
    tensor = model.graph.initializer[0]
    (tmp_path / "weights.bin").write_bytes(tensor.raw_data)
    for location in ("weights.bin", str(tmp_path / "weights.bin")):
        del tensor.external_data[:]
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        monkeypatch.chdir(tmp_path)

        def fail(*_: object) -> None:
            raise AssertionError("the runtime was asked")

        monkeypatch.setattr(runtime(name), "open", fail)
        for own in (False, True):
            with pytest.raises(BundleError, match="keeps weights in other files"):
                open_engine(name, path, spec, threads=1, own=own)
        with pytest.raises(BundleError, match="keeps weights in other files"):
            open_engine(name, path, spec, 1, path.read_bytes())


def test_threads_get_what_they_would_get_alone(name: str, tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    wide = replace(spec, width=320, height=240)
    engine = open_engine(name, saved(tmp_path, make_model(wide)), wide, threads=1)
    tensors = frames(wide, 64)
    alone = [engine.infer(tensor) for tensor in tensors]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(engine.infer, tensors))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_results_do_not_share_memory(name: str, tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    engine = open_engine(name, saved(tmp_path, make_model(spec)), spec, threads=1)
    first, second = frames(spec, 2)
    kept = engine.infer(first)
    copied = kept.copy()
    engine.infer(second)
    assert np.array_equal(kept, copied)


def test_tensors_of_another_kind_are_refused(name: str, tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    engine = open_engine(name, saved(tmp_path, make_model(spec)), spec, threads=1)
    tensor = frames(spec, 1)[0]
    wrongs: list[NDArray[Any]] = [tensor[0], tensor[:, 1:], tensor.astype(np.float32), tensor[..., :2]]
    for wrong in wrongs:
        with pytest.raises(FrameError, match=r"expected \(1, 18, 30, 3\) of uint8"):
            engine.infer(wrong)


def test_dynamic_models_take_any_size(name: str, tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    dynamic = replace(spec, width=32, height=16, dynamic=True)
    engine = open_engine(name, saved(tmp_path, make_model(dynamic)), dynamic, threads=1)
    assert engine.infer(np.zeros((1, 8, 12, 3), np.uint8)).shape == (1, 3, 2, 3)
    with pytest.raises(FrameError, match="expected"):
        engine.infer(np.zeros((8, 12, 3), np.uint8))


def test_closed_engines_say_so(name: str, tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    engine = open_engine(name, saved(tmp_path, make_model(spec)), spec, threads=1)
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.infer(frames(spec, 1)[0])


@pytest.mark.parametrize(
    "other",
    [
        {"classes": ("a", "b"), "palette": ((0, 0, 0), (1, 1, 1))},
        {"stride": 2},
        {"stride": 8},
    ],
)
def test_specs_of_other_models_are_refused(
    name: str, tmp_path: Path, spec: Spec, make_model: MakeModel, other: dict[str, object]
) -> None:
    with pytest.raises(EngineError, match="its spec says"):
        open_engine(name, saved(tmp_path, make_model(spec)), replace(spec, **other), threads=1)  # type: ignore[arg-type]
    with pytest.raises(EngineError, match="is the spec that of this model"):
        open_engine(name, saved(tmp_path, make_model(spec)), replace(spec, width=90), threads=1)


def test_one_channel_serves_two_classes(name: str, tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    two = replace(spec, classes=("other", "road"), palette=((0, 0, 0), (128, 64, 128)))
    engine = open_engine(name, saved(tmp_path, make_model(two, channels=1)), two, threads=1)
    assert engine.infer(frames(two, 1)[0]).shape == (1, 1, 5, 8)


def test_corrupted_models_are_refused(name: str, tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    content = make_model(spec).SerializeToString()
    for broken in (b"", b"text", content[: len(content) // 2], bytes(reversed(content))):
        (tmp_path / "model.onnx").write_bytes(broken)
        with pytest.raises(BundleError, match=r"model\.onnx") as raised:
            open_engine(name, tmp_path / "model.onnx", spec, threads=1)
        assert "\n" not in str(raised.value)


def test_thread_counts_have_bounds(name: str, tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    for threads in (0, -1, MOST_THREADS + 1, 2**31):
        with pytest.raises(EngineError, match=f"got {threads} threads, expected 1 to {MOST_THREADS}"):
            open_engine(name, saved(tmp_path, make_model(spec)), spec, threads=threads)


def test_unknown_engines_list_the_known() -> None:
    for name in ("onnx", "../onnxruntime", "", "os"):
        with pytest.raises(EngineError, match=r"choose one of .*onnxruntime"):
            runtime(name)


def test_absent_runtimes_say_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr("importlib.import_module", fail)
    with pytest.raises(EngineError, match=r"pip install 'edgeseg\[onnxruntime\]'"):
        runtime("onnxruntime")


def test_closing_while_others_work_ends_them_with_an_error(
    name: str, tmp_path: Path, spec: Spec, make_model: MakeModel
) -> None:
    engine = open_engine(name, saved(tmp_path, make_model(spec)), spec, threads=1)
    tensor = frames(spec, 1)[0]
    running = threading.Event()

    def work() -> str:
        try:
            while True:
                engine.infer(tensor)
                running.set()
        except EngineError as error:
            return str(error)

    with ThreadPoolExecutor(6) as pool:
        ends = [pool.submit(work) for _ in range(6)]
        assert running.wait(60)
        engine.close()
        assert {end.result(60) for end in ends} == {"the engine is closed; load the bundle again"}


def test_after_a_fork_it_is_an_error(name: str, tmp_path: Path, spec: Spec, make_model: MakeModel) -> None:
    engine = open_engine(name, saved(tmp_path, make_model(spec)), spec, threads=1)
    engine.infer(frames(spec, 1)[0])

    def child(pipe: Connection) -> None:
        try:
            engine.infer(frames(spec, 1)[0])
        except EngineError as error:
            pipe.send(str(error))
        engine.close()

    ours, theirs = multiprocessing.Pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of just this
        process = multiprocessing.get_context("fork").Process(target=child, args=(theirs,))
        process.start()
    try:
        assert ours.poll(60)
        assert "was loaded before this process was forked" in ours.recv()
        process.join(60)
        assert process.exitcode == 0
    finally:
        process.kill()
    assert engine.infer(frames(spec, 1)[0]) is not None


FORK = """
import os, sys, numpy as np, edgeseg
model = edgeseg.load("road-nano", engine=sys.argv[1], precision="fp32", threads=1)
model(np.zeros((9, 9, 3), np.uint8))
if os.fork() == 0:
    sys.exit(0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_forked_process_ends(name: str) -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK, name], check=True, timeout=120)


def test_operators_that_a_runtime_lacks_are_one_sentence(
    name: str, tmp_path: Path, spec: Spec, make_model: MakeModel
) -> None:
    model = make_model(spec)
    model.graph.node[0].op_type = "Frobnicate"
    with pytest.raises(EngineError, match="Frobnicate") as raised:
        open_engine(name, saved(tmp_path, model), spec, threads=1)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("error", [ValueError("odd\nmore"), TypeError("odd"), MemoryError(), OSError(5, "odd")])
def test_whatever_a_runtime_raises_is_an_engine_error(
    error: Exception, name: str, tmp_path: Path, spec: Spec, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(runtime(name), "open", fail)
    with pytest.raises(EngineError, match=f"{name} refuses .*(odd|MemoryError)") as raised:
        open_engine(name, saved(tmp_path, make_model(spec)), spec, threads=1)
    assert "\n" not in str(raised.value)
