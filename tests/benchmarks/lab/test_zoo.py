"""A real, tiny run, measured through its artifact."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.errors import DataError
from edgeseg.train.loop import train
from edgeseg.train.settings import TrainSettings
from lab.zoo import epochs, main


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CamVid's layout: dark on top (class 0) and bright below (class 3)."""
    folder = tmp_path_factory.mktemp("data")
    for split, count in (("train", 2), ("val", 2)):
        (folder / split).mkdir()
        (folder / f"{split}annot").mkdir()
        for index in range(count):
            label = np.zeros((40, 48), np.uint8)
            label[10 + 8 * index :] = 3
            cv2.imwrite(str(folder / split / f"{index}.png"), cv2.merge([label * 60] * 3))
            cv2.imwrite(str(folder / f"{split}annot" / f"{index}.png"), label)
    return folder


def test_a_run_becomes_a_row(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = TrainSettings(epochs=1, batch=2, width=0.05, seed=5, pretrained=False, crop="32x32", accept=True)
    train("segnet-basic", data, tmp_path / "run", settings)
    assert main([tmp_path / "run"], data=data, json=tmp_path / "zoo.json") == 0
    result = json.loads((tmp_path / "zoo.json").read_text())
    (row,) = result["networks"]
    assert (result["split"], result["images"]) == ("val", 2)
    assert (row["name"], row["width"], row["seed"], row["epochs"]) == ("segnet-basic", 0.05, 5, [1])
    (command,) = row["commands"]
    assert command.startswith("edgeseg train segnet-basic --data DATA --out OUT --epochs 1 --batch 2 --crop 32x32")
    assert {"--width 0.05", "--no-pretrained", "--seed 5"} <= {f"--{flag.strip()}" for flag in command.split("--")}
    assert row["published"]["miou"] == 47.7
    assert f"segnet-basic: mIoU {row['miou']:.1f} %" in capsys.readouterr().out


def test_an_unfinished_run_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="came to their end"):
        main([tmp_path], data=data, json=tmp_path / "zoo.json")
    assert list(tmp_path.iterdir()) == []


def test_epochs_are_told_run_by_run() -> None:
    first = {"net": "unet", "epochs": 60}
    second = {"net": "unet", "epochs": 30, "start": {"epochs": 60, "run": first}}
    assert epochs({"settings": {"epochs": 20}, "start": {"epochs": 30, "run": second}}) == [60, 30, 20]
