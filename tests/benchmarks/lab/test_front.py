"""A plain front learns what the published one gives, and the rest of the network stays."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from edgeseg.errors import WeightsError
from edgeseg.train.checkpoint import averaged_weights
from edgeseg.train.loop import CHECKPOINT, train
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
    start, out = tmp_path / "run" / CHECKPOINT, tmp_path / "front.safetensors"
    errors = teach(start, data, out, TrainSettings(**{**SETTINGS.to_json(), "epochs": 12}))
    assert errors[-1] < 0.7 * errors[0]
    (_, _, before), (run, epochs, after) = averaged_weights(start), averaged_weights(out)
    assert (run["net"], epochs) == ("lite-fpn-nano", 0)
    deep = [name for name in after if name.startswith(("encoder.stages.3.", "encoder.stages.4."))]
    assert deep
    assert all(torch.equal(after[name], before[name]) for name in deep)
    train("lite-fpn-nano", data, tmp_path / "nano", SETTINGS, start=out)


def test_a_network_without_such_a_front_is_refused(data: Path, tmp_path: Path) -> None:
    train("lite-fpn-nano", data, tmp_path / "run", SETTINGS)
    with pytest.raises(WeightsError, match="expected the first stages of EfficientNet-Lite0"):
        teach(tmp_path / "run" / CHECKPOINT, data, tmp_path / "out", SETTINGS)
