"""Frames that other people's small networks calibrate with."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.export.foreign.their_onnx import HEIGHT, WIDTH


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six pictures of the networks' size."""
    folder = tmp_path_factory.mktemp("frames")
    random = np.random.default_rng(0)
    for index in range(6):
        coarse = random.integers(0, 256, (6, 8, 3), np.uint8)
        cv2.imwrite(str(folder / f"{index}.png"), cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))
    return folder
