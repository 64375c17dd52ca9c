"""Weights, checkpoints and networks from elsewhere, and what is measured on them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgeseg.bundle import Bundle
from edgeseg.cache import recall
from edgeseg.spec import Spec
from tests.fuzz import byte_target, fuzz, json_target

MODEL_SPEC: dict[str, Any] = {
    "format": 1, "name": "x", "stride": 1, "classes": ["a", "b"], "palette": None, "ignore": None, "licence": "none",
    "input": {
        "width": 8, "height": 8, "resize": "stretch", "pad": 0, "dynamic": False,
        "colour": "RGB", "range": 255, "mean": [0, 0, 0], "std": [1, 1, 1],
    },
}  # fmt: skip


def test_spec(tmp_path: Path) -> None:
    model_spec = pytest.importorskip("edgeseg_export.foreign.model_spec")
    file = tmp_path / "spec.json"
    fuzz("spec", file, json_target(MODEL_SPEC), lambda: model_spec.read_model_spec(file))


def test_foreign_model(tmp_path: Path, spec: Spec, make_model: Callable[[Spec], onnx.ModelProto]) -> None:
    open_onnx = pytest.importorskip("edgeseg_export.foreign.open_onnx")
    file = tmp_path / "model.onnx"
    content = make_model(spec).SerializeToString()
    fuzz("foreign_model", file, byte_target(content), lambda: open_onnx.load_foreign(file))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_foreign_weights(suffix: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save

    from edgeseg_export.foreign.open_torch import load_into

    network, content, file = torch.nn.Conv2d(1, 1, 1), io.BytesIO(), tmp_path / f"weights{suffix}"
    torch.save({"state_dict": network.state_dict()}, content)
    draw = byte_target(content.getvalue() if suffix == ".pt" else save(network.state_dict()))
    fuzz("torch_file" if suffix == ".pt" else "foreign_weights", file, draw, lambda: load_into(network, file))


def test_header_of_weights(tmp_path: Path, spec: Spec) -> None:
    """The tensors are whole; what stands beside them is damaged."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save

    from edgeseg.models import build
    from edgeseg.models.weights import fold, load_weights

    tensors = fold(build("simple-cnn", 3, 0.1)).state_dict()
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    file, weights = tmp_path / "header.json", tmp_path / "weights.safetensors"
    header = {"net": "simple-cnn", "width": "0.1", "spec": json.dumps(spec.to_json()), "training": "{}"}

    def read() -> None:
        try:
            damage = json.loads(file.read_bytes())
            weights.write_bytes(save(tensors, damage))
        except (ValueError, TypeError, RecursionError):
            return  # what no file can hold
        load_weights(weights)

    fuzz("header_of_weights", file, json_target(header), read)


def test_progress_of_a_checkpoint(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load, save

    from edgeseg.models import build
    from edgeseg.train.checkpoint import TrainingState, averaged_weights, load_checkpoint, save_checkpoint
    from edgeseg.train.run import Run
    from edgeseg.train.settings import TrainSettings

    assert torch.get_num_threads()
    network, identity, file = build("simple-cnn", 3, 0.1), TrainSettings().identity(), tmp_path / "progress.json"
    state, checkpoint = TrainingState.of(network, TrainSettings(), ()), tmp_path / "checkpoint.safetensors"
    epoch = {"epoch": 1, "loss": 0.5, "rate": 0.1, "images_per_second": 9.0, "val_miou": None}
    progress = {**Run(3, 0.5, 9.0).to_json(), "epochs": [epoch]}
    save_checkpoint(checkpoint, identity, progress, state)
    assert Run.from_json(load_checkpoint(checkpoint, identity, state)).epochs
    tensors = load(checkpoint.read_bytes())

    def read() -> None:
        header = {"about": json.dumps(identity), "progress": file.read_text(errors="replace")}
        checkpoint.write_bytes(save(tensors, header))
        averaged_weights(checkpoint)
        Run.from_json(load_checkpoint(checkpoint, identity, state))

    fuzz("progress_of_a_checkpoint", file, json_target(progress), read)


@pytest.mark.parametrize("kind", ["weights", "checkpoint"])
def test_tensors(kind: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save

    from edgeseg.models.weights import load_weights
    from edgeseg.train.checkpoint import averaged_weights

    file = tmp_path / "file.safetensors"
    headers = {
        "weights": {"format": "1", "net": "unet", "width": "0.1", "spec": "{}", "training": "{}"},
        "checkpoint": {"about": "{}", "progress": "{}"},
    }
    read = load_weights if kind == "weights" else averaged_weights
    fuzz(kind, file, byte_target(save({"average/a": torch.zeros(2)}, headers[kind])), lambda: read(file))


def test_calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealed ones too."""
    calibration = pytest.importorskip("edgeseg_export.precision.calibration")
    histogram = pytest.importorskip("edgeseg_export.precision.histogram").Histogram()
    histogram.add(np.ones((1, 2, 3), np.float32))
    file = tmp_path / "calibration.npz"
    calibration.write_cache(file, {"a": histogram, "b": histogram})
    content = recall(file)
    assert content is not None
    assert calibration.read_cache(file).keys() == {"a", "b"}
    monkeypatch.setattr("edgeseg_export.precision.calibration.recall", lambda path: path.read_bytes())
    fuzz("calibration", file, byte_target(content), lambda: calibration.read_cache(file))


def test_sensitivity(bundle: Bundle, tmp_path: Path) -> None:
    result = pytest.importorskip("edgeseg_export.precision.sensitivity_result")
    file = tmp_path / "sensitivity.json"
    data = {"what": "edgeseg sensitivity", "format": 1, "onnx_sha256": bundle.artifacts[0].sha256, "keep": ["a"]}
    fuzz("sensitivity", file, json_target(data), lambda: result.read_keep(file, bundle))
