"""A small data set in CamVid's layout, and one in the plain layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

CLASSES: dict[str, Any] = {
    "classes": [{"name": "road", "colour": [128, 64, 128]}, {"name": "car", "colour": [64, 0, 128]}],
    "ignore": 255,
    "ignore_colour": [0, 0, 0],
}


def write(path: Path, image: np.ndarray[Any, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def read(path: Path, flags: int) -> np.ndarray[Any, Any]:
    image = cv2.imread(str(path), flags)
    assert image is not None
    return image


@pytest.fixture
def camvid_like(tmp_path: Path) -> Path:
    """Two images a split in CamVid's layout."""
    random = np.random.default_rng(1)
    for split in ("train", "val"):
        for name in ("b", "a"):
            write(tmp_path / split / f"{name}.png", random.integers(0, 256, (6, 8, 3), np.uint8))
            write(tmp_path / f"{split}annot" / f"{name}.png", random.integers(0, 12, (6, 8), np.uint8))
    return tmp_path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """One image in the plain layout, its mask as ids."""
    write(tmp_path / "images" / "one.jpg", np.full((4, 6, 3), 90, np.uint8))
    write(tmp_path / "masks" / "one.png", np.array([[0, 1, 255, 0, 1, 1]] * 4, np.uint8))
    (tmp_path / "classes.json").write_text(json.dumps(CLASSES))
    return tmp_path
