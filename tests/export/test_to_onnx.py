"""Export of real networks with random weights, and of a planted fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray

import edgeseg
from edgeseg.agreement import KernelAgreement, TorchAgreement
from edgeseg.bundle import Bundle
from edgeseg.commands.export import export_command
from edgeseg.errors import ExportError, OutputError, UsageError, WeightsError
from edgeseg.models import NETWORKS, build
from edgeseg.models.normalise import FrameToLogits
from edgeseg.models.weights import load_weights, save_weights
from edgeseg.spec import Spec
from edgeseg.train.settings import TrainSettings
from edgeseg_export import agreement, to_onnx
from edgeseg_export.agreement import compare
from edgeseg_export.frames import sample_frames
from edgeseg_export.graph import OPSET
from edgeseg_export.to_onnx import export
from tests.export.kinds import KINDS

CLASSES = ("ground", "sky", "thing")
TRAINING = {"settings": TrainSettings(epochs=7).to_json(), "data": "0" * 64, "device": "cpu"}


def weights_of(net: str, folder: Path) -> Path:
    """Random weights of a narrow network for 93x61 frames, a size that no stride divides."""
    torch.manual_seed(1)
    spec = Spec("tiny", 93, 61, "stretch", NETWORKS[net].strides[0], CLASSES, ((0, 0, 0),) * 3, None, "none")
    path = folder / f"{net}.safetensors"
    save_weights(path, build(net, 3, 0.2), net, 0.2, spec, TRAINING)
    return path


@pytest.fixture(scope="module", params=sorted(NETWORKS))
def net(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def weights(net: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return weights_of(net, tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def bundle(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return export(weights, tmp_path_factory.mktemp("bundles") / "tiny", mask_in_graph=True)


def test_the_bundle_runs_and_its_figures_are_there(bundle: Bundle) -> None:
    frame = sample_frames(None)[0]
    assert edgeseg.load(bundle.folder)(frame).shape == frame.shape[:2]
    agreement = Bundle.open(bundle.folder).artifact(target="onnxruntime").measured.get(TorchAgreement)
    assert agreement is not None
    assert agreement.mask_agreement > 99.9
    assert 0 < agreement.max_difference < 1e-3 * agreement.max_logit
    assert "--epochs 7" in (bundle.folder / "README.md").read_text()


def test_the_graph_is_what_the_design_says(bundle: Bundle) -> None:
    model = onnx.load(bundle.path(bundle.artifact(target="onnxruntime")))
    assert [opset.version for opset in model.opset_import if opset.domain == ""] == [OPSET]
    assert {each.key: json.loads(each.value) for each in model.metadata_props} == {
        "edgeseg.spec": bundle.spec.to_json()
    }
    frame = model.graph.input[0]
    assert (frame.name, frame.type.tensor_type.elem_type) == ("frame", onnx.TensorProto.UINT8)
    assert [dim.dim_value for dim in frame.type.tensor_type.shape.dim] == [1, 61, 93, 3]
    kinds = [node.op_type for node in model.graph.node if node.op_type != "Cast" or node.input[0] == "frame"]
    assert kinds[:2] == ["Cast", "Transpose"]  # TensorRT has no transpose of uint8
    assert "BatchNormalization" not in kinds
    assert str(Path.cwd()) not in str(model)


def test_large_weights_are_stored_as_float16(bundle: Bundle, weights: Path) -> None:
    model = onnx.load(bundle.path(bundle.artifact(target="onnxruntime")))
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for name, tensor in load_weights(weights).network.state_dict().items():
        if tensor.dim() > 1 and tensor.numel() >= 256:
            kept = stored[f"network.{name}.half"]
            assert kept.dtype == np.float16
            assert np.array_equal(kept.astype(np.float32), tensor.numpy())


def test_the_masks_of_the_mask_graph_are_the_kernels(bundle: Bundle) -> None:
    artifact = bundle.artifact(target="onnx-mask")
    agreement = artifact.measured.get(KernelAgreement)
    assert agreement is not None
    assert agreement.mask_agreement > 99.9
    session = ort.InferenceSession(str(bundle.path(artifact)), providers=["CPUExecutionProvider"])
    mask = session.run(None, {"frame": np.zeros((1, 61, 93, 3), np.uint8)})[0]
    assert (mask.shape, mask.dtype) == ((1, 61, 93), np.uint8)


@pytest.mark.parametrize("net", KINDS)
def test_a_dynamic_graph_takes_other_sizes(net: str, tmp_path: Path) -> None:
    weights = weights_of(net, tmp_path)
    bundle = export(weights, tmp_path / "tiny", dynamic=True)
    model = ort.InferenceSession(str(bundle.path(bundle.artifacts[0])), providers=["CPUExecutionProvider"])
    graph = FrameToLogits(load_weights(weights).network)
    for height, width in ((52, 70), (64, 32)):
        tensor = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
        actual = model.run(None, {"frame": tensor})[0]
        with torch.no_grad():
            expected = graph(torch.from_numpy(tensor)).numpy()
        assert actual.shape == expected.shape
        assert np.allclose(actual, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("net", ["lite-fpn-nano-fused", "simple-cnn"])
def test_a_bundle_can_be_exported_again_for_another_size(net: str, tmp_path: Path) -> None:
    """As from its weights file, to the byte; the card says how it was trained."""
    weights = weights_of(net, tmp_path)
    bundle = export(weights, tmp_path / "tiny")
    again = export(bundle, tmp_path / "again", name="wide", size=(128, 64))
    other = export(weights, tmp_path / "other", name="wide", size=(128, 64))
    assert (again.spec.name, again.spec.width, again.spec.height) == ("wide", 128, 64)
    assert [each.sha256 for each in again.artifacts] == [each.sha256 for each in other.artifacts]
    assert again.artifacts[0].measured.facts == other.artifacts[0].measured.facts
    assert (again.folder / "README.md").read_text() == (other.folder / "README.md").read_text()
    assert export_command(str(bundle.folder), out=tmp_path / "command", name="wide", size="128x64") == 0
    assert Bundle.open(tmp_path / "command").artifacts[0].sha256 == again.artifacts[0].sha256


def test_an_imported_bundle_is_not_exported_again(
    tmp_path: Path, spec: Spec, make_bundle: Callable[..., Bundle]
) -> None:
    with pytest.raises(WeightsError, match="does not say which network"):
        export(make_bundle(tmp_path / "b", spec), tmp_path / "again")


@pytest.mark.parametrize(("net", "layer"), [("unet", "down.2.0.0"), ("lite-fpn", "encoder.stages.3.1.layers.3")])
def test_a_wrong_layer_is_named(net: str, layer: str, tmp_path: Path) -> None:
    loaded = load_weights(weights_of(net, tmp_path))
    file = tmp_path / "tiny.onnx"
    to_onnx.write_graph(FrameToLogits(loaded.network), "logits", loaded.spec, file)
    compare(loaded.network, file, loaded.spec, sample_frames(None))  # agrees as long as nothing is planted
    with torch.no_grad():
        dict(loaded.network.named_modules())[layer].weight.mul_(2.0)
    with pytest.raises(ExportError, match=f"first layer that differs is {layer}$"):
        compare(loaded.network, file, loaded.spec, sample_frames(None))


@pytest.mark.parametrize(
    ("net", "part", "passes"), [("segnet-basic", 5e-3, True), ("segnet-basic", 5e-2, False), ("unet", 5e-3, False)]
)
def test_a_choice_that_a_rounding_turns_over_is_no_wrong_layer(
    net: str, part: float, passes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_weights(weights_of(net, tmp_path))
    file = tmp_path / "tiny.onnx"
    to_onnx.write_graph(FrameToLogits(loaded.network), "logits", loaded.spec, file)
    infer = agreement._infer

    def displaced(*args: Any) -> NDArray[np.float32]:
        logits = infer(*args).copy()
        logits.reshape(-1)[: max(1, int(part * logits.size))] += 0.01 * np.abs(logits).max()
        return logits

    monkeypatch.setattr(agreement, "_infer", displaced)
    monkeypatch.setattr(agreement, "LEAST_AGREEMENT", 0)  # the logits alone decide
    if passes:
        chosen = compare(loaded.network, file, loaded.spec, sample_frames(None)).chosen
        assert chosen is not None
        assert 0 < chosen <= agreement.MOST_CHOSEN
    else:
        with pytest.raises(ExportError, match="disagrees with PyTorch"):
            compare(loaded.network, file, loaded.spec, sample_frames(None))


def test_a_failed_export_leaves_the_old_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = weights_of("simple-cnn", tmp_path)
    export(weights, tmp_path / "tiny")
    before = {path.name: path.read_bytes() for path in (tmp_path / "tiny").iterdir()}
    monkeypatch.setattr("edgeseg_export.agreement.TOLERANCE", 0.0)
    with pytest.raises(ExportError):
        export(weights, tmp_path / "tiny")
    assert {path.name: path.read_bytes() for path in (tmp_path / "tiny").iterdir()} == before


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        export(tmp_path / "missing.safetensors", tmp_path / "out")
    weights = weights_of("unet", tmp_path)
    with pytest.raises(UsageError, match="too small"):
        export(weights, tmp_path / "out", dynamic=True, size=(16, 16))
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        export(weights, tmp_path / "file")


def test_the_pictures_are_real_frames() -> None:
    frames = sample_frames(None)
    assert len(frames) == 4
    assert all(cv2.Laplacian(frame, cv2.CV_64F).std() > 1 for frame in frames)
