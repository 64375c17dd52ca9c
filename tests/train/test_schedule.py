from __future__ import annotations

import itertools

import pytest
from torch import nn

from edgeseg.models import build
from edgeseg.train.schedule import factor, make_optimizer, set_rate
from edgeseg.train.settings import Schedule, TrainSettings


@pytest.mark.parametrize("schedule", ["cosine", "poly"])
def test_rate_warms_up_then_falls_to_zero(schedule: Schedule) -> None:
    rates = [factor(step, 100, 10, schedule) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[10:]))
    assert rates[10] == 1
    assert rates[-1] < 0.05


def test_vectors_do_not_decay_and_the_encoder_is_slow() -> None:
    network = build("lite-fpn", 3, 0.2)
    optimizer = make_optimizer(network, TrainSettings(rate=1e-2, encoder_rate=0.1, decay=0.5))
    groups = {id(p): (g["highest"], g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}
    for name, parameter in network.named_parameters():
        rate = 1e-3 if name.startswith("encoder.") else 1e-2
        assert groups[id(parameter)] == (pytest.approx(rate), 0.5 if parameter.dim() > 1 else 0.0)


def test_new_layers_have_a_rate_of_their_own() -> None:
    network = build("lite-fpn", 3, 0.2)
    settings = TrainSettings(rate=1e-2, encoder_rate=0.1, new_rate=10.0)
    optimizer = make_optimizer(network, settings, ["head", "encoder.stem.0"])
    rates = {id(p): g["highest"] for g in optimizer.param_groups for p in g["params"]}
    for name, parameter in network.named_parameters():
        new = name.startswith(("head.", "encoder.stem.0."))
        rate = 1e-1 if new else 1e-3 if name.startswith("encoder.") else 1e-2
        assert rates[id(parameter)] == pytest.approx(rate)


def test_set_rate_scales_every_group() -> None:
    optimizer = make_optimizer(nn.Conv2d(3, 3, 1), TrainSettings(rate=0.2))
    set_rate(optimizer, 0.25)
    assert {group["lr"] for group in optimizer.param_groups} == {0.05}
