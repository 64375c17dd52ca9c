"""The quick gradient of depthwise convolutions against torch's in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgeseg.models import build
from edgeseg.models.depthwise import DepthwiseConv2d


def gradients(layer: nn.Conv2d, features: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Result, gradient of the features, gradient of the weight."""
    own = features.detach().clone().requires_grad_()
    result = layer(own)
    of_features, of_weight = torch.autograd.grad(result, (own, layer.weight), upstream.to(result.dtype))
    return result.detach(), of_features, of_weight


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation"), [(3, 1, 1), (3, 2, 1), (5, 1, 1), (5, 2, 1), (3, 1, 4), (1, 1, 1)]
)
def test_gradients_are_float64s(kernel: int, stride: int, dilation: int, layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    layer = DepthwiseConv2d(8, kernel, stride, dilation)
    exact = nn.Conv2d(8, 8, kernel, stride, kernel // 2 * dilation, dilation, groups=8, bias=False).double()
    exact.load_state_dict(layer.state_dict())
    features = torch.randn(2, 8, 13, 10).bfloat16().contiguous(memory_format=layout)
    with torch.no_grad():
        layer.weight.copy_(layer.weight.bfloat16())  # bfloat16 holds them exactly, so that only sums differ
        exact.weight.copy_(layer.weight)
    upstream = torch.randn_like(exact(features.double())).bfloat16().double()

    with torch.autocast("cpu", torch.bfloat16):
        result, of_features, of_weight = gradients(layer, features, upstream)
    expected = gradients(exact, features.double(), upstream)

    assert result.dtype == of_features.dtype == torch.bfloat16
    assert of_weight.dtype == torch.float32
    torch.testing.assert_close(result.double(), expected[0], rtol=2**-8, atol=2**-8)
    torch.testing.assert_close(of_features.double(), expected[1], rtol=2**-8, atol=1e-5)
    torch.testing.assert_close(of_weight.double(), expected[2], rtol=1e-5, atol=1e-4)  # no bfloat16 in the sums


def test_evaluated_or_without_autocast_it_is_torchs() -> None:
    layer = DepthwiseConv2d(4, 5, 2)
    features = torch.randn(1, 4, 9, 9)
    plain = nn.functional.conv2d(features, layer.weight, None, 2, 2, 1, 4)
    assert torch.equal(layer(features), plain)
    with torch.autocast("cpu", torch.bfloat16):
        expected = nn.functional.conv2d(features, layer.weight, None, 2, 2, 1, 4)
        assert torch.equal(layer(features), expected)
        assert torch.equal(layer.eval()(features), expected)


@pytest.mark.parametrize("name", ["lite-fpn", "lite-fpn-nano", "lite-fpn-fused", "lite-fpn-nano-fused", "fast-scnn"])
def test_every_depthwise_layer_has_it(name: str) -> None:
    layers = [layer for layer in build(name, 3).modules() if isinstance(layer, nn.Conv2d)]
    depthwise = [layer for layer in layers if layer.groups > 1]
    assert depthwise
    assert all(isinstance(layer, DepthwiseConv2d) for layer in depthwise)
