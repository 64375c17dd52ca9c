"""Teacher and pupil of `lab.front`: a published LiteFPN, a fused one, and how far their fronts' features differ."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from edgeseg.accuracy.dataset import Dataset
from edgeseg.errors import WeightsError
from edgeseg.models import build
from edgeseg.models.efficientnet_lite import EfficientNetLite
from edgeseg.models.lite_fpn import LiteFPN
from edgeseg.models.lite_fpn_fused import FRONT
from edgeseg.models.lite_fpn_nano import LiteFPNNano
from edgeseg.models.normalise import normalise
from edgeseg.train.data import TrainingSet
from edgeseg.train.loop import STATISTICS_BATCHES
from edgeseg.train.start import Start
from edgeseg.train.statistics import measure_statistics

Network = LiteFPN | LiteFPNNano

PUBLISHED_FRONT = ("encoder.stem.", *(f"encoder.stages.{at}." for at in range(len(FRONT))))
"""How the names of its tensors begin, in every LiteFPN."""


class Lesson:
    """How far two encoders are apart."""

    def __init__(self, teacher: EfficientNetLite, pupil: EfficientNetLite, autocast: bool, frames: Tensor) -> None:
        self._teacher, self._pupil, self._autocast = teacher, pupil, autocast
        self._variances = [each.var((0, 2, 3), keepdim=True) for each in self._expected(_prepared(frames))]

    def error(self, frames: Tensor) -> Tensor:
        """Mean squared difference of their features of frames (N, 3, H, W), in units of each channel's variance."""
        prepared = _prepared(frames)
        expected = self._expected(prepared)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._autocast):
            given = features(self._pupil.train(), prepared)
        pairs = zip(given, expected, self._variances, strict=True)
        return torch.stack([((one.float() - other).square() / span).mean() for one, other, span in pairs]).mean()

    @torch.no_grad()
    def _expected(self, frames: Tensor) -> list[Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=self._autocast):
            return [each.float() for each in features(self._teacher, frames)]


def features(encoder: EfficientNetLite, frames: Tensor) -> list[Tensor]:
    """What the first stages of an encoder give at 1/4 and 1/8."""
    given = encoder.stem(frames)
    taps = []
    for stage in list(encoder.stages)[: len(FRONT)]:
        given = stage(given)
        taps.append(given)
    return taps[1:]


def _prepared(frames: Tensor) -> Tensor:
    return normalise(frames).contiguous(memory_format=torch.channels_last)


def pupil_of(net: str, dataset: Dataset, teacher: Network) -> tuple[Network, list[str]]:
    """`net` with what the teacher has of it, or ImageNet; and the layers that the teacher did not give."""
    pupil = cast(Network, build(net, len(dataset.classes.names)))
    pupil.load_pretrained()
    ours, theirs = pupil.state_dict(), teacher.state_dict()
    fitting = {name: tensor for name, tensor in theirs.items() if name in ours and ours[name].shape == tensor.shape}
    pupil.load_state_dict(fitting, strict=False)
    pupil.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return pupil, sorted({name.rpartition(".")[0] for name in ours.keys() - fitting.keys()})


def teacher_of(origin: Start, dataset: Dataset, examples: TrainingSet) -> Network:
    """The network of a start, as it answers; BatchNorm, where it was folded away, has statistics for further training.

    Raises:
        WeightsError: its first stages are not those of EfficientNet-Lite0.
    """
    network = cast(Network, build(origin.net, len(dataset.classes.names)))
    shapes = [
        {name: tensor.shape for name, tensor in state.items() if name.startswith(PUBLISHED_FRONT)}
        for state in (network.state_dict(), LiteFPN(2).state_dict())
    ]
    if shapes[0] != shapes[1]:
        raise WeightsError(f"{origin.source} is of {origin.net}, expected the first stages of EfficientNet-Lite0")
    origin.fill(network)
    if origin.folded:
        batches = examples.batches(0, min(examples.steps, STATISTICS_BATCHES))
        measure_statistics(network, (batch.frames for batch in batches), torch.device("cpu"))
    return network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
