"""A plain front learns what the published one gives, and the rest of the network stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from edgeseg.errors import UsageError, WeightsError
from edgeseg.models import build
from edgeseg.models.lite_fpn import LiteFPN
from edgeseg.models.weights import load_weights
from edgeseg.train.checkpoint import averaged_weights, save_checkpoint
from edgeseg.train.loop import train
from edgeseg.train.reproduce import commands
from edgeseg.train.run import CHECKPOINT, WEIGHTS
from edgeseg.train.settings import TrainSettings
from lab import front
from lab.front import PUBLISHED, teach
from lab.front_lesson import PUBLISHED_FRONT

SETTINGS = TrainSettings(epochs=1, batch=2, crop="64x64", rate=4e-3, pretrained=False, validate_every=0, accept=True)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """CamVid's layout: four pictures of coloured blocks."""
    folder, random = tmp_path / "data", np.random.default_rng(0)
    for kind in ("train", "trainannot"):
        (folder / kind).mkdir(parents=True)
    for index in range(4):
        label = cv2.resize(random.integers(0, 11, (4, 4), np.uint8), (64, 64), interpolation=cv2.INTER_NEAREST)
        colours = random.integers(0, 256, (11, 3), np.uint8)
        cv2.imwrite(str(folder / "train" / f"{index}.png"), colours[label])
        cv2.imwrite(str(folder / "trainannot" / f"{index}.png"), label)
    return folder


def test_the_front_learns_and_the_rest_is_kept(data: Path, tmp_path: Path) -> None:
    train("lite-fpn", data, tmp_path / "run", SETTINGS)
    start, out = tmp_path / "run" / CHECKPOINT, tmp_path / "front"
    errors = [each.loss for each in teach("lite-fpn-fused", start, data, out, replace(SETTINGS, epochs=12)).epochs]
    assert errors[-1] < 0.7 * errors[0]
    (_, _, before), (run, epochs, after) = averaged_weights(start), averaged_weights(out / CHECKPOINT)
    assert (run["net"], epochs) == ("lite-fpn-fused", 12)
    kept = [name for name in after if not name.startswith((*PUBLISHED_FRONT, "detail."))]
    assert any(name.startswith("encoder.stages.6.") for name in kept)
    assert all(torch.equal(after[name], before[name]) for name in kept)
    train("lite-fpn-fused", data, tmp_path / "fused", SETTINGS, start=out / CHECKPOINT)
    record = load_weights(tmp_path / "fused" / WEIGHTS).training
    first, lesson, last = commands("lite-fpn-fused", record)
    assert first.startswith("edgeseg train lite-fpn --data DATA --out START2 --epochs 1 ")
    assert lesson == (
        "python -m lab.front lite-fpn-fused --data DATA --out START1 --epochs 12 --rate 0.004 "
        "--start START2/checkpoint.safetensors"
    )
    assert last.endswith(" --start START1/checkpoint.safetensors")


def test_a_resumed_lesson_ends_as_one_that_was_never_stopped(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train("lite-fpn-nano", data, tmp_path / "run", SETTINGS)
    start, settings = tmp_path / "run" / WEIGHTS, replace(SETTINGS, epochs=3)
    whole = teach("lite-fpn-nano-fused", start, data, tmp_path / "whole", settings)

    def saved_and_killed(*arguments: Any) -> None:
        save_checkpoint(*arguments)
        raise RuntimeError("the lights went out")

    with monkeypatch.context() as patch:
        patch.setattr(front, "save_checkpoint", saved_and_killed)
        with pytest.raises(RuntimeError, match="lights"):
            teach("lite-fpn-nano-fused", start, data, tmp_path / "stopped", settings)
    with pytest.raises(UsageError, match="holds a run; give --resume"):
        teach("lite-fpn-nano-fused", start, data, tmp_path / "stopped", settings)
    with pytest.raises(WeightsError, match=r"other settings \(rate\)"):
        teach("lite-fpn-nano-fused", start, data, tmp_path / "stopped", replace(settings, rate=1e-3), resume=True)
    resumed = teach("lite-fpn-nano-fused", start, data, tmp_path / "stopped", settings, resume=True)
    assert [each.loss for each in resumed.epochs] == [each.loss for each in whole.epochs]
    one, other = (averaged_weights(tmp_path / each / CHECKPOINT)[2] for each in ("whole", "stopped"))
    assert [name for name, tensor in one.items() if not torch.equal(other[name], tensor)] == []


@pytest.mark.parametrize(("net", "of"), sorted(PUBLISHED.items()))
def test_folded_weights_begin_with_the_answers_that_they_gave(net: str, of: str, data: Path, tmp_path: Path) -> None:
    """What is kept needs BatchNorm's statistics, which such a file lacks: with them, its own features come out."""
    train(of, data, tmp_path / "run", replace(SETTINGS, epochs=2))
    start, out = tmp_path / "run" / WEIGHTS, tmp_path / "front"
    teach(net, start, data, out, SETTINGS)
    run, _, after = averaged_weights(out / CHECKPOINT)
    assert run["start"]["file"] == WEIGHTS
    network = build(net, 11).eval()
    network.load_state_dict(after)
    taught, folded = cast(LiteFPN, network).encoder, cast(LiteFPN, load_weights(start).network).encoder
    features = torch.randn(1, 40, 16, 16).relu()
    with torch.no_grad():
        given, expected = (cast(nn.Sequential, encoder.stages[3])[0](features) for encoder in (taught, folded))
    assert torch.allclose(given, expected, rtol=1e-3, atol=1e-3)
    assert float(after["encoder.stages.3.0.layers.1.running_var"].std()) > 0


def test_what_cannot_be_taught_is_refused(data: Path, tmp_path: Path) -> None:
    train("lite-fpn-nano-fused", data, tmp_path / "run", SETTINGS)
    with pytest.raises(WeightsError, match="expected the first stages of EfficientNet-Lite0"):
        teach("lite-fpn-nano-fused", tmp_path / "run" / CHECKPOINT, data, tmp_path / "out", SETTINGS)
    with pytest.raises(
        UsageError, match="'unet' has no plain front; choose one of lite-fpn-fused, lite-fpn-nano-fused"
    ):
        teach("unet", "road", data, tmp_path / "out", SETTINGS)
