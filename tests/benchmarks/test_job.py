from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgeseg.accuracy.dataset import Dataset
from edgeseg.accuracy.evaluate import evaluate
from edgeseg.bundle import Bundle
from edgeseg.errors import UsageError
from edgeseg.segmenter import load
from edgeseg_bench import first_mask, suite
from edgeseg_bench.job import Job, Settings


def test_accuracy_is_that_of_the_artifact_in_this_engine(
    tiny: Bundle, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "images/0.png"), np.full((18, 30, 3), 200, np.uint8))
    cv2.imwrite(str(tmp_path / "masks/0.png"), np.zeros((18, 30), np.uint8))
    classes = zip(tiny.spec.classes, tiny.spec.palette, strict=True)
    described = {"classes": [{"name": name, "colour": colour} for name, colour in classes], "ignore": 255}
    (tmp_path / "classes.json").write_text(json.dumps(described))
    dataset = Dataset.open(tmp_path)
    for part in ("_engine", "_pipeline", "_camera", "_stream"):  # measured in the other test
        monkeypatch.setattr(Job, part, lambda *_: {})
    monkeypatch.setattr(first_mask, "measure", lambda *_, **__: {"seconds": [1.0]})
    settings = Settings(mode="latency", frames=10, windows=3, fps=None, dataset=dataset)
    result = suite.measure(tiny, video, engine_name="onnxruntime", settings=settings, say=lambda _: None)
    assert result["runs"][0]["accuracy"] == evaluate(load(tiny, threads=1), dataset).to_json()


@pytest.mark.parametrize("setting", [{"frames": 9}, {"windows": 2}, {"fps": 0.0}, {"fps": float("nan")}])
def test_settings_that_say_nothing_are_refused(setting: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"mode": "latency", "frames": 10, "windows": 3, "fps": None, "dataset": None}
    with pytest.raises(UsageError, match="expected"):
        Settings(**(usual | setting))
