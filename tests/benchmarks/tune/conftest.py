"""Labelled images, and two small bundles: one of a fixed size, one that takes any."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.dataset import Dataset
from edgeseg.bundle import Bundle
from edgeseg.spec import Spec


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory, spec: Spec) -> Path:
    """A data set of 24 images of noise, 40x24, whose labels are all "road"."""
    folder = tmp_path_factory.mktemp("labelled")
    random = np.random.default_rng(0)
    for part in ("images", "masks"):
        (folder / part).mkdir()
    for number in range(24):
        cv2.imwrite(str(folder / f"images/{number}.png"), random.integers(0, 256, (24, 40, 3), dtype=np.uint8))
        cv2.imwrite(str(folder / f"masks/{number}.png"), np.zeros((24, 40), np.uint8))
    classes = [{"name": name, "colour": colour} for name, colour in zip(spec.classes, spec.palette, strict=True)]
    (folder / "classes.json").write_text(json.dumps({"classes": classes, "ignore": 255}))
    return folder


@pytest.fixture(scope="session")
def dataset(labelled: Path) -> Dataset:
    return Dataset.open(labelled)


@pytest.fixture(scope="session")
def sized(tmp_path_factory: pytest.TempPathFactory, spec: Spec, make_bundle: Callable[[Path, Spec], Bundle]) -> Bundle:
    """A bundle that takes any size; 32x16 is its own."""
    any_size = replace(spec, name="any", width=32, height=16, dynamic=True)
    return make_bundle(tmp_path_factory.mktemp("sized") / "any", any_size)
