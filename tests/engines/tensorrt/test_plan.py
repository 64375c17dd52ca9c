"""Plans: kept, taken, stale, built by the stand-in (card.py) and by NVIDIA's own builder, which needs no GPU."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest

import edgeseg
from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import write_bundle
from edgeseg.cache import cache_folder
from edgeseg.engines.tensorrt.build import Options, build, key_of
from edgeseg.engines.tensorrt.plan import plan_for
from edgeseg.engines.tensorrt.sidecar import ANY, product_of, sidecar_of, write_notes
from edgeseg.errors import EngineError
from edgeseg.spec import Spec
from edgeseg_export.to_engine import Compiled, compile_engine
from tests.engines.opened import expected, frames, kept, opened

MakeModel = Callable[..., onnx.ModelProto]


@pytest.fixture
def make_fp16(tmp_path: Path, model: Path, spec: Spec) -> Callable[[], Bundle]:
    """A bundle whose artifact is for TensorRT."""

    def make() -> Bundle:
        return write_bundle(
            tmp_path / "tiny", spec, {model: Artifact.of(model, target="tensorrt", precision="fp16")}, None
        )

    return make


@pytest.mark.parametrize("dynamic", [False, True])
def test_the_real_builder_makes_a_plan(spec: Spec, make_model: MakeModel, dynamic: bool) -> None:
    trt = pytest.importorskip("tensorrt_rtx")
    taken = replace(spec, dynamic=dynamic)
    result = build(make_model(taken).SerializeToString(), taken, trt, ANY, "tiny.onnx")
    assert product_of(result.plan, "plan") == ("tensorrt-rtx", trt.__version__)
    assert [tensor["type"] for tensor in result.tensors] == ["UINT8", "FLOAT"]
    with pytest.raises(EngineError, match=r"cannot read tiny\.onnx: .*Failed to parse.*; export it again") as raised:
        build(b"no model", taken, trt, ANY, "tiny.onnx")
    assert "\n" not in str(raised.value)


def test_plans_are_built_once(card: Any, model: Path, spec: Spec, capfd: pytest.CaptureFixture[str]) -> None:
    opened(model, spec).close()
    assert "building tiny.fp32 for tensorrt-rtx 1.7.1.116, which may take minutes" in capfd.readouterr().err
    opened(model, spec).close()
    assert capfd.readouterr().err == ""
    assert card.builds == 1
    notes = json.loads(sidecar_of(kept()).read_text())
    assert (notes["key"]["compute_capability"], notes["layers"]) == (ANY, 4)


def edit(**changes: Any) -> None:
    """Changes the key in the notes."""
    path = sidecar_of(kept())
    data = json.loads(path.read_text())
    data["key"].update(changes)
    write_notes(path, data)


def forge(**changes: Any) -> None:
    """Changes the notes as somebody without the key can."""
    path = sidecar_of(kept())
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


STALE: dict[str, tuple[Callable[[], Any], str]] = {
    "product": (lambda: edit(product="tensorrt"), "its notes say tensorrt 1.7.1.116"),
    "version": (lambda: edit(version="1.7.0.1"), "its notes say tensorrt-rtx 1.7.0.1"),
    "system": (lambda: edit(system="Plan 9 riscv"), "built for system 'Plan 9 riscv'"),
    "card": (lambda: edit(compute_capability="7.5"), "compute_capability '7.5', here it is 'any'"),
    "model": (lambda: edit(onnx_sha256="0" * 64), "onnx_sha256 '0000"),
    "options": (lambda: edit(options={}), "options [], as another edgeseg"),
    "no options": (lambda: edit(options=None), "key: options is None, expected an object"),
    "altered": (lambda: kept().write_bytes(kept().read_bytes()[:-1] + b"x"), "is not the file that was built"),
    "other bytes": (lambda: kept().write_bytes(b"#!/bin/sh\n" * 9), "is no TensorRT engine"),
    "cut off": (lambda: kept().write_bytes(b"vtrt"), "is no TensorRT engine"),
    "no notes": (lambda: sidecar_of(kept()).unlink(), "cannot read"),
    "not sealed": (lambda: forge(seconds=0), "was not written with the key of its folder"),
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


def test_old_cards_have_plans_of_their_own(card: Any, model: Path, spec: Spec) -> None:
    opened(model, spec).close()
    card.capability = (12, 0)
    opened(model, spec).close()
    assert card.builds == 1  # one serves every card from Ampere on
    card.capability = (7, 5)
    opened(model, spec).close()
    assert [path.name.rpartition("rtx.")[2] for path in sorted(cache_folder().glob("*.engine"))] == [
        "any.engine",
        "sm7.5.engine",
    ]
    card.capability = (6, 1)
    with pytest.raises(EngineError, match=r"does not build for compute capability 6\.1"):
        opened(model, spec)


def compiled(bundle: Bundle, **how: Any) -> Compiled:
    return compile_engine(bundle, "tensorrt-rtx", "fp16", **how)


@pytest.mark.parametrize("options", [Options(), Options(workspace=64, hardware_compatible=True)])
def test_what_compile_made_is_taken(
    card: Any, make_fp16: Callable[[], Bundle], capfd: pytest.CaptureFixture[str], options: Options
) -> None:
    bundle = make_fp16()
    result = compiled(bundle, options=options)
    assert result.engine == kept()
    capfd.readouterr()
    model = edgeseg.load(bundle, engine="tensorrt")
    model(np.zeros((20, 30, 3), np.uint8))
    assert "building" not in capfd.readouterr().err
    assert card.builds == 1


def test_what_compile_made_elsewhere_is_taken_from_there(
    card: Any, tmp_path: Path, make_fp16: Callable[[], Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_fp16()
    result = compiled(bundle, out=tmp_path / "to" / "the board")
    assert not cache_folder().exists()
    monkeypatch.setenv("EDGESEG_CACHE", str(result.engine.parent))
    edgeseg.load(bundle, engine="tensorrt").close()
    assert card.builds == 1


def test_the_real_builders_engine_is_taken(
    make_fp16: Callable[[], Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    trt = pytest.importorskip("tensorrt_rtx")
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "real"))
    bundle = make_fp16()
    result = compiled(bundle)
    path = bundle.path(bundle.artifact(target="tensorrt"))
    for capability in ("8.0", "8.9", "12.0"):
        plan, place = plan_for(path, path.read_bytes(), bundle.spec, trt, capability)
        assert (plan, place) == (result.engine.read_bytes(), result.engine)
    assert "building" not in capfd.readouterr().err
    old, place = plan_for(path, path.read_bytes(), bundle.spec, trt, "7.5")
    assert product_of(old, "plan") == ("tensorrt-rtx", trt.__version__)
    assert place.name.endswith(".sm7.5.engine")


@pytest.mark.parametrize(
    ("product", "capability", "options", "built_for"),
    [
        ("tensorrt_rtx", "8.9", Options(), ANY),
        ("tensorrt_rtx", ANY, Options(), ANY),
        ("tensorrt_rtx", "7.5", Options(), "7.5"),
        ("tensorrt", "8.7", Options(), "8.7"),
        ("tensorrt", "8.7", Options(hardware_compatible=True), ANY),
        ("tensorrt", "7.2", Options(hardware_compatible=True), "7.2"),
        ("tensorrt", "11.0", Options(), "11.0"),
    ],
)
def test_keys(product: str, capability: str, options: Options, built_for: str) -> None:
    module = ModuleType(product)
    vars(module)["__version__"] = "10.3.0"
    key = key_of(module, capability, b"onnx", options)
    assert (key.product, key.version, key.compute_capability) == (product.replace("_", "-"), "10.3.0", built_for)


def test_fp32_needs_no_artifact_of_its_own(
    card: Any, tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle]
) -> None:
    bundle = make_bundle(tmp_path / "plain", spec)
    compile_engine(bundle, "tensorrt-rtx", "fp32")
    for precision in (None, "fp32"):
        edgeseg.load(bundle, engine="tensorrt", precision=precision).close()
    assert card.builds == 1


def test_boards_need_neither_torch_nor_onnx() -> None:
    heavy = "torch", "onnx", "onnxscript", "safetensors", "matplotlib"
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({heavy})); "
        "import edgeseg_export.to_engine, edgeseg_export.sizes, edgeseg_bench.gpu_check"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
