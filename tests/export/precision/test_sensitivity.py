"""Sensitivity of a real network with random weights: every layer alone, the mixes, and what quantize takes of it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from edgeseg.bundle import Bundle
from edgeseg.commands.sensitivity import sensitivity_command
from edgeseg.errors import DataError, OutputError, UsageError
from edgeseg.models import build
from edgeseg.models.weights import save_weights
from edgeseg.spec import Spec
from edgeseg.train.settings import TrainSettings
from edgeseg_export.frames import sample_frames
from edgeseg_export.precision.judge import Loss
from edgeseg_export.precision.quantize import quantize
from edgeseg_export.precision.sensitivity import sensitivity
from edgeseg_export.precision.sensitivity_page import page
from edgeseg_export.precision.sensitivity_result import Sensitivity, read_keep
from edgeseg_export.to_onnx import export

NET = "simple-cnn"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A labelled split of crops of street pictures."""
    monkeypatch.setenv("EDGESEG_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(4)
    for place in range(12):
        picture = sample_frames(None)[place % 4]
        top, left = (int(random.integers(0, side - 96)) for side in picture.shape[:2])
        crop = picture[top : top + 64, left : left + 96]
        for kind, image in (("train", crop), ("trainannot", crop[..., 1] // 86)):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "data" / kind / f"{place:02}.png"), image)
    (tmp_path / "data" / "classes.json").write_text(
        '{"classes": [{"name": "a", "colour": [0,0,0]}, {"name": "b", "colour": [1,0,0]}, '
        '{"name": "c", "colour": [2,0,0]}], "ignore": null}'
    )
    return tmp_path / "data"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    torch.manual_seed(2)
    spec = Spec("tiny", 96, 64, "stretch", 1, ("a", "b", "c"), ((0, 0, 0),) * 3, None, "none")
    training = {"settings": TrainSettings().to_json(), "data": "0" * 64, "device": "cpu"}
    save_weights(tmp_path / "w.safetensors", build(NET, 3, 0.25), NET, 0.25, spec, training)
    return export(tmp_path / "w.safetensors", tmp_path / "tiny")


def test_the_worst_layers_are_found_and_quantize_takes_them(bundle: Bundle, data: Path, tmp_path: Path) -> None:
    json_file, html = tmp_path / "found.json", tmp_path / "found.html"
    assert sensitivity_command(str(bundle.folder), data=data, method="minmax", json_file=json_file, html=html) == 0
    result = json.loads(json_file.read_bytes())
    assert result["frames"] == 3
    assert len(result["layers"]) > 2
    assert all(loss["flipped"] <= loss["worst"] for loss in result["layers"].values())
    assert all(mix["keep"] and mix["least_ms"] > 0 for mix in result["tried"])
    assert result["tried"]
    assert "<script" not in html.read_text()
    worst = max(result["layers"], key=lambda layer: result["layers"][layer]["flipped"])
    result["keep"] = [worst]
    json_file.write_text(json.dumps(result))
    keep = read_keep(json_file, bundle)
    assert keep == {worst}
    quantized = quantize(bundle, data, method="minmax", keep=keep).bundle
    assert quantized.artifact(target="onnxruntime", precision="int8").measured.facts["calibration"]["keep"] == [worst]
    result["onnx_sha256"] = "0" * 64
    json_file.write_text(json.dumps(result))
    with pytest.raises(DataError, match="measure again"):
        read_keep(json_file, bundle)


def test_tensorrt_has_no_mixes_and_bad_input_is_refused(bundle: Bundle, data: Path, tmp_path: Path) -> None:
    result = sensitivity(bundle, data, method="minmax", target="tensorrt", images=2)
    assert (result.frames, result.tried, result.keep) == (2, (), ())
    with pytest.raises(UsageError, match="0 images"):
        sensitivity(bundle, data, images=0)
    with pytest.raises(UsageError, match="no layer nothing"):
        quantize(bundle, data, keep=frozenset({"nothing"}))
    (tmp_path / "cut.json").write_text('{"what":')
    for file in (tmp_path / "cut.json", tmp_path / "absent.json"):
        with pytest.raises(DataError, match=file.name):
            read_keep(file, bundle)


def test_images_of_which_no_pixel_counts_measure_nothing(bundle: Bundle, data: Path) -> None:
    classes = data / "classes.json"
    classes.write_text(classes.read_text().replace("null", "255"))
    cv2.imwrite(str(data / "trainannot" / "01.png"), np.full((64, 96), 255, np.uint8))
    with pytest.raises(DataError, match="no pixel of the 1 images to measure on counts"):
        sensitivity(bundle, data, method="minmax", images=1)


def test_one_file_for_both_reports_is_refused_before_the_work(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"x is named for two outputs"):
        sensitivity_command("nowhere", data=data, json_file=tmp_path / "x", html=tmp_path / "x")
    with pytest.raises(OutputError, match=r"cannot write .*x\.html"):
        sensitivity_command("nowhere", data=data, html=tmp_path / "nowhere" / "x.html")


def test_the_page_escapes_names() -> None:
    loss = Loss(None, 0.5, 1.0)
    result = Sensitivity("tiny", "0" * 64, "tensorrt", "mse", "<i>", 2, None, {"<b>": loss}, loss, (), ())
    assert "<b>" not in page(result)
    assert "<i>" not in page(result)
