"""2x2 max-pooling that remembers where each maximum lay, and the unpooling that puts values back there.

The layer of V. Badrinarayanan, A. Kendall and R. Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder Architecture
for Image Segmentation", PAMI 2017. torch's own pair becomes ScatterND or MaxUnpool in ONNX, which TensorRT refuses.
Here three comparisons a window say the place, so unpooling is a chain of selections, pointwise and exact: bit
for bit what `torch.nn.functional.max_unpool2d` gives. The first of equal values counts, row by row, as in torch.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Places(NamedTuple):
    """Where the maximum of each window lies, bool (N, C, H / 2, W / 2) each.

    Attributes:
        top_right: of the upper two values, the right one is larger.
        bottom_right: of the lower two, the right one is larger.
        bottom: the larger of the lower two exceeds the larger of the upper two.
    """

    top_right: Tensor
    bottom_right: Tensor
    bottom: Tensor


def max_pool(features: Tensor) -> tuple[Tensor, Places]:
    """The maximum of each 2x2 window of (N, C, H, W), and where it lies; H and W are even."""
    top, bottom = features[..., ::2, :], features[..., 1::2, :]
    places = Places(
        top_right=top[..., 1::2] > top[..., ::2],
        bottom_right=bottom[..., 1::2] > bottom[..., ::2],
        bottom=torch.maximum(bottom[..., ::2], bottom[..., 1::2]) > torch.maximum(top[..., ::2], top[..., 1::2]),
    )
    return functional.max_pool2d(features, 2), places


def max_unpool(features: Tensor, places: Places) -> Tensor:
    """Values (N, C, h, w) at their places in (N, C, 2h, 2w), zeros elsewhere."""
    top = torch.where(places.bottom, 0.0, features)
    bottom = torch.where(places.bottom, features, 0.0)
    window = [
        torch.where(places.top_right, 0.0, top),
        torch.where(places.top_right, top, 0.0),
        torch.where(places.bottom_right, 0.0, bottom),
        torch.where(places.bottom_right, bottom, 0.0),
    ]
    return functional.pixel_shuffle(torch.stack(window, 2).flatten(1, 2), 2)
