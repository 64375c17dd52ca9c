"""Mapillary Vistas as it unpacks, by its configurations' form."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.dataset import Dataset, splits
from edgeseg.errors import DataError

LABELS = [
    {"name": "construction--flat--road", "readable": "Road", "color": [128, 64, 128], "evaluate": True},
    {"name": "void--ego-vehicle", "readable": "Ego Vehicle", "color": [120, 10, 10], "evaluate": False},
    {"name": "object--vehicle--car", "readable": "Car", "color": [0, 0, 142], "evaluate": True},
    {"name": "void--unlabeled", "readable": "Unlabeled", "color": [0, 0, 0], "evaluate": False},
]


def lay(folder: Path, place: str, config: str, labels: object = LABELS) -> Path:
    """A picture in each split, and masks with each id."""
    files = {"images": np.zeros((2, 2, 3), np.uint8), place: np.arange(4, dtype=np.uint8).reshape(2, 2)}
    for split in ("training", "validation"):
        for name, image in files.items():
            (folder / split / name).mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(folder / split / name / "a.png"), image)
    (folder / "testing/images").mkdir(parents=True, exist_ok=True)
    (folder / config).write_text(json.dumps({"labels": labels, "version": "2.0"}))
    return folder


@pytest.mark.parametrize(
    ("place", "config"),
    [("v2.0/labels", "config_v2.0.json"), ("v1.2/labels", "config_v1.2.json"), ("labels", "config.json")],
)
def test_each_version_is_read(tmp_path: Path, place: str, config: str) -> None:
    lay(tmp_path, place, config)
    assert splits(tmp_path) == ["train", "val"]
    data = Dataset.open(tmp_path, "val")
    assert data.classes.names == ("Road", "Car")
    assert data.load(0)[1].tolist() == [[0, 255], [1, 255]]


def test_the_newest_of_two_counts(tmp_path: Path) -> None:
    lay(tmp_path, "v1.2/labels", "config_v1.2.json", LABELS[:1])
    lay(tmp_path, "v2.0/labels", "config_v2.0.json")
    assert Dataset.open(tmp_path, "train").classes.names == ("Road", "Car")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({}, r'"labels" of .*config_v2\.0\.json is \{\}, expected'),
        (["Road"], r"label 0 of .*config_v2\.0\.json is 'Road', expected \"readable\""),
        ([{"readable": "Road", "evaluate": 1}], r"label 0 of .* expected .*\"evaluate\", true or false"),
        ([LABELS[0], LABELS[0]], "class names repeat in Road, Road"),
    ],
)
def test_what_is_no_configuration(tmp_path: Path, labels: object, message: str) -> None:
    lay(tmp_path, "v2.0/labels", "config_v2.0.json", labels)
    with pytest.raises(DataError, match=message):
        Dataset.open(tmp_path, "train")
