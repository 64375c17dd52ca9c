from __future__ import annotations

import numpy as np
import torch
from torch import nn

from edgeseg.models import build
from edgeseg.models.normalise import normalise
from edgeseg.models.weights import fold, unfold
from edgeseg.train.statistics import measure_statistics

CPU = torch.device("cpu")


def _batches(count: int) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return [torch.randint(0, 256, (2, 3, 24, 32), dtype=torch.uint8, generator=random) for _ in range(count)]


def _unfolded(net: str) -> nn.Module:
    """A network as it is after its weights went through a bundle."""
    torch.manual_seed(0)
    network, folded = build(net, 3, 0.2), build(net, 3, 0.2)
    network.load_state_dict(unfold(fold(folded).state_dict(), network), strict=False)
    return network


def test_statistics_are_those_of_numpy() -> None:
    norm = nn.BatchNorm2d(3)
    measure_statistics(norm, _batches(3), CPU)
    values = np.concatenate([normalise(frames).numpy() for frames in _batches(3)]).astype(np.float64)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert np.allclose(norm.running_mean, values.mean((0, 2, 3)), atol=1e-6)
    assert np.allclose(norm.running_var, values.var((0, 2, 3)), atol=1e-6)


def test_answers_stay_and_training_sees_what_evaluation_sees() -> None:
    network, batches = _unfolded("lite-fpn"), _batches(1)
    frames = normalise(batches[0])
    with torch.no_grad():
        before = network.eval()(frames)
        measure_statistics(network, batches, CPU)
        after = network.eval()(frames)
        training = network.train()(frames)[0]
    assert float((after - before).abs().max()) < 1e-4 * float(before.abs().max())
    # The one batch has just these statistics, so normalising by its own changes nothing.
    assert float((training - before).abs().max()) < 1e-3 * float(before.abs().max())


def test_norms_that_only_the_loss_needs_stay_as_they_are() -> None:
    network = _unfolded("lite-fpn")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items() if name.startswith("auxiliary.")}
    measure_statistics(network, _batches(2), CPU)
    assert before
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in before.items())


def test_a_dead_channel_stays_finite() -> None:
    norm = nn.BatchNorm2d(3)
    constant = torch.full((2, 3, 8, 8), 127, dtype=torch.uint8)
    measure_statistics(norm, [constant], CPU)
    assert all(torch.isfinite(tensor).all() for tensor in norm.state_dict().values())
    assert torch.equal(norm.eval()(normalise(constant)), torch.zeros(2, 3, 8, 8))
