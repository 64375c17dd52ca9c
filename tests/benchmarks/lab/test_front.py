"""A plain front learns what the published one gives, and the rest of the network stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from edgeseg.errors import WeightsError
from edgeseg.models.weights import load_weights
from edgeseg.train.checkpoint import averaged_weights
from edgeseg.train.loop import train
from edgeseg.train.reproduce import commands
from edgeseg.train.run import CHECKPOINT, WEIGHTS
from edgeseg.train.settings import TrainSettings
from lab.front import teach

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
    errors = [each.loss for each in teach(start, data, out, replace(SETTINGS, epochs=12)).epochs]
    assert errors[-1] < 0.7 * errors[0]
    (_, _, before), (run, epochs, after) = averaged_weights(start), averaged_weights(out / CHECKPOINT)
    assert (run["net"], epochs) == ("lite-fpn-fused", 12)
    deep = [name for name in after if name.startswith(("encoder.stages.3.", "encoder.stages.4."))]
    assert deep
    assert all(torch.equal(after[name], before[name]) for name in deep)
    train("lite-fpn-fused", data, tmp_path / "fused", SETTINGS, start=out / CHECKPOINT)
    record = load_weights(tmp_path / "fused" / WEIGHTS).training
    first, front, last = commands("lite-fpn-fused", record)
    assert first.startswith("edgeseg train lite-fpn --data DATA --out START2 --epochs 1 ")
    assert front == (
        "python -m lab.front --data DATA --out START1 --epochs 12 --rate 0.004 --start START2/checkpoint.safetensors"
    )
    assert last.endswith(" --start START1/checkpoint.safetensors")


def test_a_network_without_such_a_front_is_refused(data: Path, tmp_path: Path) -> None:
    train("lite-fpn-fused", data, tmp_path / "run", SETTINGS)
    with pytest.raises(WeightsError, match="expected the first stages of EfficientNet-Lite0"):
        teach(tmp_path / "run" / CHECKPOINT, data, tmp_path / "out", SETTINGS)
