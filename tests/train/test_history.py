"""The curve that a run leaves."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import pytest

from edgeseg.terminal import shown_name
from edgeseg.train.history import Epoch, draw_curve

EPOCHS = [Epoch(1, 0.9, 0.1, 9.0, None), Epoch(2, 0.5, 0.1, 9.0, 30.0)]


@pytest.mark.parametrize("name", ["prices $1_$", "\u6570\u636e", os.fsdecode(b"Stra\xdfe")])
def test_data_may_be_called_anything(name: str, tmp_path: Path) -> None:
    """The first two dollars in a name had been read as a formula, which ended the run after its first epoch."""
    draw_curve(tmp_path / "curve.png", EPOCHS, f"unet on {shown_name(tmp_path / name)}")
    assert cv2.imread(str(tmp_path / "curve.png")) is not None
