"""What `edgeseg export` wrote comes back, tensor for tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import write_bundle
from edgeseg.errors import WeightsError
from edgeseg.measured import Network
from edgeseg.models import build
from edgeseg.models.bundle_weights import load_bundle_weights
from edgeseg.models.weights import load_weights, save_weights
from edgeseg.spec import Spec
from edgeseg_export.to_onnx import export

RECORD = {"settings": {"epochs": 3, "seed": 0}, "data": "d" * 64, "hardware": "a processor"}


def _exported(folder: Path, net: str, stride: int) -> tuple[Path, Path]:
    """A weights file and its bundle."""
    torch.manual_seed(0)
    network = build(net, 3, 0.1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, 0, 0.1)
    colours = ((0, 0, 0), (1, 1, 1), (2, 2, 2))
    spec = Spec("tiny", 32, 32, "stretch", stride, ("a", "b", "c"), colours, 255, "Apache-2.0")
    save_weights(folder / "weights.safetensors", network, net, 0.1, spec, RECORD)
    export(folder / "weights.safetensors", folder / "bundle")
    return folder / "weights.safetensors", folder / "bundle"


@pytest.mark.parametrize(
    ("net", "stride"), [("lite-fpn-nano", 2), ("lite-fpn-nano-fused", 2), ("unet", 1), ("segnet-basic", 1)]
)
def test_the_weights_are_those_of_the_weights_file(net: str, stride: int, tmp_path: Path) -> None:
    weights, bundle = _exported(tmp_path, net, stride)
    expected, actual = load_weights(weights), load_bundle_weights(Bundle.open(bundle))
    assert (actual.net, actual.width, actual.spec) == (net, 0.1, expected.spec)
    assert actual.training["settings"] == RECORD["settings"]
    tensors = actual.network.state_dict()
    for name, tensor in expected.network.state_dict().items():  # zero biases too, which the exporter drops
        assert torch.equal(tensors[name], tensor), name


def test_a_bundle_that_does_not_say_its_network_is_refused(
    tmp_path: Path, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]
) -> None:
    with pytest.raises(WeightsError, match="does not say which network"):
        load_bundle_weights(make_bundle(tmp_path / "bundle", spec))


def test_a_bundle_that_says_another_network_is_refused(tmp_path: Path) -> None:
    bundle = Bundle.open(_exported(tmp_path, "unet", 1)[1])
    artifact = bundle.artifact(target="onnxruntime", precision="fp32")
    other = replace(artifact, measured=artifact.measured.add(Network("segnet", 0.1, 1, 1)))
    write_bundle(tmp_path / "other", bundle.spec, {bundle.path(artifact): other}, None)
    with pytest.raises(WeightsError, match=r"is for segnet at width 0\.1, but \d+ tensors do not fit"):
        load_bundle_weights(Bundle.open(tmp_path / "other"))
