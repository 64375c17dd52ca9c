"""The networks, one architecture a file (torch).

Every network is `Network(classes, width)`: from normalised BGR frames (N, 3, H, W) to logits
(N, classes, ceil(H / stride), ceil(W / stride)). In training mode it may return a tuple of logits, the main ones first,
the others there for the loss alone; `strides` gives the input pixels a logit of each. To add one: write its file, and
name it in NETWORKS.
"""

from __future__ import annotations

from typing import Protocol

from torch import nn

from edgeseg.errors import UsageError
from edgeseg.models.encoder_decoder import EncoderDecoder
from edgeseg.models.fast_scnn import FastSCNN
from edgeseg.models.lite_fpn import LiteFPN
from edgeseg.models.lite_fpn_fused import LiteFPNFused
from edgeseg.models.lite_fpn_large import LiteFPNLarge
from edgeseg.models.lite_fpn_nano import LiteFPNNano
from edgeseg.models.lite_fpn_nano_fused import LiteFPNNanoFused
from edgeseg.models.segnet import SegNet
from edgeseg.models.segnet_basic import SegNetBasic, SegNetBasicQuarter
from edgeseg.models.simple_cnn import SimpleCNN
from edgeseg.models.unet import UNet


class Factory(Protocol):
    """What stands in NETWORKS: a class of networks."""

    @property
    def strides(self) -> tuple[int, ...]:
        """Input pixels a logit, of each output in training mode."""

    def __call__(self, classes: int, width: float = 1.0) -> nn.Module: ...


class Pretrained(Protocol):
    """A network that can start from ImageNet has this too."""

    def load_pretrained(self) -> None:
        """Takes the published weights of the encoder."""


NETWORKS: dict[str, Factory] = {
    "lite-fpn": LiteFPN,
    "lite-fpn-fused": LiteFPNFused,
    "lite-fpn-nano": LiteFPNNano,
    "lite-fpn-nano-fused": LiteFPNNanoFused,
    "lite-fpn-large": LiteFPNLarge,
    "fast-scnn": FastSCNN,
    "unet": UNet,
    "segnet": SegNet,
    "segnet-basic": SegNetBasic,
    "segnet-basic-quarter": SegNetBasicQuarter,
    "encoder-decoder": EncoderDecoder,
    "simple-cnn": SimpleCNN,
}


def find(name: str) -> Factory:
    """The network of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in NETWORKS:
        raise UsageError(f"there is no network {name!r}; choose one of {', '.join(sorted(NETWORKS))}")
    return NETWORKS[name]


def build(name: str, classes: int, width: float = 1.0) -> nn.Module:
    """A network with fresh weights.

    Raises:
        UsageError: there is no network of that name, or the width is out of range.
    """
    if not 0 < width <= 4:
        raise UsageError(f"width is {width}, expected a factor above 0 and up to 4; 1 is the paper's")
    return find(name)(classes, width)
