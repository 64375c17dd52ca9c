"""A real, tiny network, exported for two sizes and measured through its artifacts."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from edgeseg.accuracy.layouts.camvid import CAMVID
from edgeseg.models import build
from edgeseg.models.weights import save_weights
from edgeseg.spec import Spec
from edgeseg.train.settings import TrainSettings
from edgeseg_export.to_onnx import export
from lab.sizes import main
from lab.tables.rows import sizes as table

TRAINING = {"settings": TrainSettings().to_json(), "data": "0" * 64, "device": "cpu"}


def test_every_size_is_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    for folder in ("val", "valannot"):
        (data / folder).mkdir(parents=True)
    label = np.zeros((48, 64), np.uint8)
    label[20:] = 3
    cv2.imwrite(str(data / "val/0.png"), cv2.merge([label * 60] * 3))
    cv2.imwrite(str(data / "valannot/0.png"), label)
    torch.manual_seed(0)
    spec = Spec("tiny", 64, 48, "stretch", 1, CAMVID.names, ((0, 0, 0),) * 11, 11, "none")
    save_weights(tmp_path / "w.safetensors", build("unet", 11, 0.1), "unet", 0.1, spec, TRAINING)
    export(tmp_path / "w.safetensors", tmp_path / "tiny")

    file = tmp_path / "sizes.json"
    assert main([str(tmp_path / "tiny")], sizes="64x48,128x96", data=data, json=file) == 0
    result = json.loads(file.read_text())
    assert (result["split"], result["images"], result["frame"]) == ("val", 1, [64, 48])
    small, large = result["rows"]
    assert (small["size"], large["size"]) == ([64, 48], [128, 96])
    assert large["macs"] == pytest.approx(4 * small["macs"], rel=0.01)
    assert capsys.readouterr().out.count("mIoU") == 2
    first, second = table(tmp_path).splitlines()[-2:]
    assert first.startswith("| tiny, 64x48 | ")
    assert "| +0.00 |" in first
    assert second.startswith("| tiny, 128x96 | ")
    assert second.endswith("| 4.00 x |")
