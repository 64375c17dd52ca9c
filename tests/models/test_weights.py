from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from edgeseg.errors import WeightsError
from edgeseg.models import build
from edgeseg.models.weights import load_weights, save_weights
from edgeseg.spec import Spec

SPEC = Spec("tiny", 32, 32, "stretch", 1, ("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)), 255, "Apache-2.0")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "weights.safetensors"
    save_weights(path, build("unet", 3, 0.1), "unet", 0.1, SPEC, {"seed": 0})
    return path


def test_what_was_saved_comes_back(saved: Path) -> None:
    weights = load_weights(saved)
    assert (weights.net, weights.width, weights.spec, weights.training) == ("unet", 0.1, SPEC, {"seed": 0})
    assert not weights.network.training


def test_weights_are_float16_values_and_vectors_float32(saved: Path) -> None:
    stored = load_file(saved)
    assert {tensor.dtype for tensor in stored.values() if tensor.dim() > 1} == {torch.float16}
    assert {tensor.dtype for tensor in stored.values() if tensor.dim() == 1} == {torch.float32}
    for name, tensor in load_weights(saved).network.state_dict().items():
        assert torch.equal(tensor, stored[name].float())


def test_spoilt_weights_are_named(saved: Path) -> None:
    tensors = load_file(saved)
    name = next(iter(tensors))
    tensors[name].view(-1)[0] = torch.nan
    with safe_open(saved, framework="pt") as file:
        header = file.metadata()
    save_file(tensors, saved, header)
    with pytest.raises(WeightsError, match=f"{saved} holds NaN or infinity in 1 tensor, the first {name}"):
        load_weights(saved)


def test_loading_and_saving_again_changes_nothing(saved: Path, tmp_path: Path) -> None:
    weights = load_weights(saved)
    again = tmp_path / "again.safetensors"
    save_weights(again, weights.network, weights.net, weights.width, weights.spec, weights.training)
    first, second = load_file(saved), load_file(again)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_weights_of_another_network_are_refused(saved: Path, tmp_path: Path) -> None:
    header = {"net": "lite-fpn", "width": "1.0", "spec": json.dumps(SPEC.to_json()), "training": "{}"}
    other = tmp_path / "other.safetensors"
    save_file(load_file(saved), other, header)
    with pytest.raises(WeightsError, match=r"lite-fpn.*tensors do not fit"):
        load_weights(other)


def test_diverged_weights_are_not_saved(tmp_path: Path) -> None:
    network = build("unet", 3, 0.1)
    with torch.no_grad():
        next(network.parameters()).fill_(1e6)
    with pytest.raises(WeightsError, match="not finite in float16"):
        save_weights(tmp_path / "w.safetensors", network, "unet", 0.1, SPEC, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a pickle", b"\x08\0\0\0\0\0\0\0{}      "])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=str(path)):
        load_weights(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights file"):
        load_weights(tmp_path / "weights.safetensors")
