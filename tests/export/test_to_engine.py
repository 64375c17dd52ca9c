"""Real builds by TensorRT-RTX, which needs no GPU for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import write_bundle
from edgeseg.engines.tensorrt.build import Options
from edgeseg.engines.tensorrt.sidecar import read_engine
from edgeseg.errors import BundleError, EngineError, UsageError
from edgeseg.models import NETWORKS, build
from edgeseg.models.normalise import FrameToLogits
from edgeseg.models.weights import fold
from edgeseg.spec import Spec
from edgeseg_export.precision import qdq_tensorrt
from edgeseg_export.precision.calibration import calibrate
from edgeseg_export.precision.float_graph import FloatGraph
from edgeseg_export.precision.qdq import Recipe
from edgeseg_export.precision.to_half import to_half
from edgeseg_export.sizes import parse_size
from edgeseg_export.to_engine import compile_engine
from edgeseg_export.to_onnx import write_graph


@pytest.fixture(scope="session")
def rtx() -> Any:
    return pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx, which builds engines, is not installed")


def bundle_of(net: str, folder: Path, *, dynamic: bool = False) -> Bundle:
    """A narrow network with random weights, its fp16 and its int8 for TensorRT."""
    torch.manual_seed(1)
    stride = NETWORKS[net].strides[0]
    spec = Spec("tiny", 96, 64, "stretch", stride, ("a", "b", "c"), ((0, 0, 0),) * 3, None, "none", dynamic=dynamic)
    file = folder / "fp32.onnx"
    write_graph(FrameToLogits(fold(build(net, 3, 0.2))), "logits", spec, file)
    graph = FloatGraph.load(file)
    frames = np.random.default_rng(0).integers(0, 256, (2, 1, 64, 96, 3), dtype=np.uint8)
    models = {
        "fp16": to_half(graph),
        "int8": qdq_tensorrt.emit(graph, calibrate(graph, frames, total=2), Recipe("minmax")),
    }
    artifacts = {}
    for precision, model in models.items():
        onnx.save_model(model, folder / f"{precision}.onnx")
        path = folder / f"{precision}.onnx"
        artifacts[path] = Artifact.of(path, target="tensorrt", precision=precision)
    return write_bundle(folder / "tiny", spec, artifacts, None)


@pytest.mark.usefixtures("rtx")
@pytest.mark.parametrize("net", sorted(NETWORKS))
def test_every_network_builds_in_fp16_and_int8(net: str, tmp_path: Path) -> None:
    bundle = bundle_of(net, tmp_path)
    for precision in ("fp16", "int8"):
        result = compile_engine(bundle, "tensorrt-rtx", precision, tmp_path / "engines")
        assert result.engine.read_bytes()[:4] == b"vtrt"
        assert result.bytes == result.engine.stat().st_size > 1000


def test_a_dynamic_network_builds_for_a_range_of_sizes(rtx: Any, tmp_path: Path) -> None:
    bundle = bundle_of("lite-fpn-nano", tmp_path, dynamic=True)
    options = Options(workspace=512, smallest=(64, 64), largest=(192, 128))
    result = compile_engine(bundle, "tensorrt-rtx", "fp16", tmp_path, options=options)
    plan, key = read_engine(result.engine)
    assert len(plan) == result.bytes
    assert (key.product, key.version, key.compute_capability) == ("tensorrt-rtx", rtx.__version__, "any")
    assert key.onnx_sha256 == bundle.artifact(target="tensorrt", precision="fp16").sha256
    assert (key.options["workspace"], key.options["largest"]) == (512, [192, 128])
    with pytest.raises(UsageError, match="timing cache"):
        compile_engine(bundle, "tensorrt-rtx", "fp16", tmp_path, timing_cache=tmp_path / "cache")
    for narrow in (Options(smallest=(128, 64)), Options(largest=(96, 32))):
        with pytest.raises(UsageError, match="leave out tiny's own, 96x64"):
            compile_engine(bundle, "tensorrt-rtx", "fp16", tmp_path, options=narrow)


@pytest.mark.usefixtures("rtx")
def test_a_refused_operator_is_named_with_a_way_out(tmp_path: Path) -> None:
    bundle = bundle_of("simple-cnn", tmp_path)
    model = onnx.load(bundle.path(bundle.artifact(target="tensorrt", precision="fp16")))
    model.graph.node.append(helper.make_node("NonZero", ["logits"], ["places"], name="find_places"))
    model.graph.output.append(helper.make_tensor_value_info("places", onnx.TensorProto.INT64, [4, None]))
    file = tmp_path / "other.onnx"
    onnx.save_model(model, file)
    artifact = Artifact.of(file, target="tensorrt", precision="fp16")
    other = write_bundle(tmp_path / "other", bundle.spec, {file: artifact}, None)
    with pytest.raises(EngineError, match=r"at node 'find_places', operator NonZero: .*compute a mask"):
        compile_engine(other, "tensorrt-rtx", "fp16", tmp_path / "engines")
    assert not (tmp_path / "engines").exists()
    with pytest.raises(BundleError, match="no artifact"):
        compile_engine(other, "tensorrt-rtx", "int8", tmp_path / "engines")


def test_a_product_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorrt", None)
    with pytest.raises(EngineError, match=r"tensorrt is not installed .*JetPack"):
        compile_engine(bundle_of("simple-cnn", tmp_path), "tensorrt", "fp16", tmp_path)


def test_sizes() -> None:
    assert parse_size("480x360") == (480, 360)
    assert parse_size(None) is None
    for wrong in ("480", "0x0", "-64x64", "480x999999"):
        with pytest.raises(UsageError, match="expected WIDTHxHEIGHT such as 480x360, of 1 to 16384 pixels a side"):
            parse_size(wrong)


@pytest.mark.usefixtures("rtx")
@pytest.mark.parametrize("workspace", [0, -1, 10**15])
def test_a_workspace_that_no_card_has(workspace: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"workspace is {workspace} MiB, expected 1 to 1048576"):
        compile_engine(
            bundle_of("simple-cnn", tmp_path), "tensorrt-rtx", "fp16", tmp_path, options=Options(workspace=workspace)
        )
