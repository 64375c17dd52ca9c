"""Data that accuracy is measured on: found as one expects, and refused where it would flatter."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.dataset import Dataset
from edgeseg.bundle import Bundle
from edgeseg.errors import DataError
from edgeseg.measured import Measured
from edgeseg.spec import Spec
from edgeseg_bench import suite
from edgeseg_bench.job import Settings
from edgeseg_bench.labelled import check_labelled, open_labelled
from edgeseg_export.precision.calibration_data import frame_hash


def write_data(folder: Path, spec: Spec, splits: tuple[str, ...] = ("",)) -> Path:
    for number, split in enumerate(splits):
        for part in ("images", "masks"):
            (folder / part / split).mkdir(parents=True)
        cv2.imwrite(str(folder / "images" / split / "0.png"), np.full((18, 30, 3), number, np.uint8))
        cv2.imwrite(str(folder / "masks" / split / "0.png"), np.zeros((18, 30), np.uint8))
    classes = [{"name": name, "colour": colour} for name, colour in zip(spec.classes, spec.palette, strict=True)]
    (folder / "classes.json").write_text(json.dumps({"classes": classes, "ignore": 255}))
    return folder


def test_val_is_meant_where_there_are_splits(tmp_path: Path, spec: Spec) -> None:
    divided = write_data(tmp_path / "divided", spec, ("train", "val"))
    assert open_labelled(divided, None).split == "val"
    assert open_labelled(divided, "train").split == "train"
    assert open_labelled(write_data(tmp_path / "whole", spec), None).split is None
    with pytest.raises(DataError, match="no split 'val', it has train: choose one"):
        open_labelled(write_data(tmp_path / "train", spec, ("train",)), None)


def test_other_classes_cannot_judge(tmp_path: Path, tiny: Bundle) -> None:
    other = replace(tiny.spec, classes=("sky", "car", "road"))
    dataset = open_labelled(write_data(tmp_path, other), None)
    with pytest.raises(DataError, match="has the classes sky, car, road, bundle tiny has road, car, sky"):
        check_labelled(tiny, tiny.artifacts[0], dataset)


def test_frames_that_calibrated_would_flatter(tmp_path: Path, tiny: Bundle) -> None:
    dataset = open_labelled(write_data(tmp_path, tiny.spec), None)
    fresh = tiny.artifacts[0]
    seen = Measured({"calibration": {"frames_sha256": [frame_hash(dataset.load(0)[0])]}})
    check_labelled(tiny, fresh, dataset)
    with pytest.raises(DataError, match="served for calibration"):
        check_labelled(tiny, replace(fresh, measured=seen), dataset)


def test_bench_refuses_before_it_measures(
    tmp_path: Path, spec: Spec, video: Path, make_bundle: Callable[[Path, Spec], Bundle]
) -> None:
    bundle = make_bundle(tmp_path / "bundle", spec)
    dataset: Dataset = open_labelled(write_data(tmp_path / "data", replace(spec, classes=("a", "b", "c"))), None)
    settings = Settings(mode="latency", frames=10, windows=3, fps=None, dataset=dataset)
    said: list[Any] = []
    with pytest.raises(DataError, match="the same classes in the same order"):
        suite.measure(bundle, video, engine_name="onnxruntime", settings=settings, say=said.append)
    assert said == []
