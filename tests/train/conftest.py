"""A few small pictures, and a run on them that was never stopped."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from safetensors import safe_open

from edgeseg.train.loop import LOG, train
from edgeseg.train.settings import TrainSettings

SETTINGS = TrainSettings(
    epochs=3, batch=2, crop="32x32", width=0.05, rate=1e-2, warmup=0.5, pretrained=False, validate_every=2, accept=True
)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CamVid's layout: six pictures of 48x40, dark on top (class 0) and bright below (class 3), some void."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 2)):
        (folder / split).mkdir()
        (folder / f"{split}annot").mkdir()
        for index in range(count):
            label = np.zeros((40, 48), np.uint8)
            label[random.integers(10, 30) :] = 3
            frame = (label[..., None] * 60 + random.integers(0, 40, (40, 48, 3))).astype(np.uint8)
            label[:2] = 11
            cv2.imwrite(str(folder / split / f"{index}.png"), frame)
            cv2.imwrite(str(folder / f"{split}annot" / f"{index}.png"), label)
    return folder


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never stopped; of each module its own, as what others set in torch changes the last bits."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    train("unet", data, out, SETTINGS, name="tiny", licence="CC0")
    return out


def log_of(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / LOG).read_text().splitlines()))


def tensors_of(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
