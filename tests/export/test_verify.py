"""The stages of a bundle compared, with faults planted in one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from edgeseg.accuracy.dataset import Dataset
from edgeseg.agreement import Agreement
from edgeseg.arrays import Logits, Mask
from edgeseg.artifact import Artifact
from edgeseg.bundle import Bundle
from edgeseg.bundle_writer import write_bundle
from edgeseg.commands.verify import verify_command
from edgeseg.errors import DataError, EngineError, OutputError, UsageError
from edgeseg.measured import Calibration, Measured
from edgeseg.models import build
from edgeseg.models.weights import save_weights
from edgeseg.segmenter import Segmenter
from edgeseg.spec import Spec
from edgeseg.train.settings import TrainSettings
from edgeseg_export.frame_set import FrameSet
from edgeseg_export.frames import sample_frames
from edgeseg_export.precision.as_written import AsWritten
from edgeseg_export.precision.calibration_data import frame_hash
from edgeseg_export.to_onnx import export
from edgeseg_export.verify import Gate, verify
from edgeseg_export.verify_page import page
from edgeseg_export.verify_stages import Stage, stages
from lab.tables.rows import precision

Make = Callable[[Path, Spec], Bundle]


@pytest.fixture
def given(tmp_path: Path, spec: Spec, make_bundle: Make) -> tuple[onnx.ModelProto, Spec, Dataset]:
    """A model, its spec, and street pictures labelled with the model's own masks."""
    bundle = make_bundle(tmp_path / "tiny", spec)
    model = onnx.load(bundle.path(bundle.artifacts[0]))
    segmenter = Segmenter(spec, AsWritten(model))
    for place, frame in enumerate(sample_frames(None)):
        for kind, picture in (("val", frame), ("valannot", segmenter(frame))):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "data" / kind / f"{place}.png"), picture)
    (tmp_path / "data" / "classes.json").write_text(
        '{"classes": [{"name": "road", "colour": [128,64,128]}, {"name": "car", "colour": [64,0,128]}, '
        '{"name": "sky", "colour": [1,2,3]}], "ignore": 255}'
    )
    return model, spec, Dataset.open(tmp_path / "data", "val")


Change = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def changed(model: onnx.ModelProto, name: str, change: Change) -> AsWritten:
    """An engine of a model one of whose constants was changed."""
    other = onnx.ModelProto()
    other.CopyFrom(model)
    for tensor in other.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(change(numpy_helper.to_array(tensor))), name))
    return AsWritten(other)


class ArgmaxFirst(Segmenter):
    """Takes the classes at the logits' size, and enlarges those."""

    def mask(self, logits: Logits, width: int, height: int, *, out: Mask | None = None) -> Mask:
        del out
        classes = logits[0].argmax(0).astype(np.uint8)
        return np.asarray(cv2.resize(classes, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


FAULTS: dict[str, tuple[str, Change]] = {
    "red and blue swapped": ("weight", lambda weight: weight[:, ::-1]),
    "mean off by one": ("mean", lambda mean: mean + np.float32(1)),
    "one scale doubled": ("weight", lambda weight: weight * np.array([2, 1, 1], np.float32).reshape(3, 1, 1, 1)),
    "arg-max before resize": ("", lambda same: same),
}


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_a_planted_fault_is_missed_by_the_gate_at_its_own_stage(
    fault: str | None, given: tuple[onnx.ModelProto, Spec, Dataset]
) -> None:
    model, spec, dataset = given
    good = Segmenter(spec, AsWritten(model))
    if fault is None:
        bad = good
    elif fault == "arg-max before resize":
        bad = ArgmaxFirst(spec, AsWritten(model))
    else:
        bad = Segmenter(spec, changed(model, *FAULTS[fault]))
    way = [Stage("onnxruntime fp32", good, "a"), Stage("tensorrt fp16", bad, "b")]
    results = verify(way, dataset)
    misses = Gate(min_agreement=99.9).misses(results)
    assert results[0].matrix.miou == 100
    assert len(misses) == (fault is not None)
    assert all(miss.startswith("tensorrt fp16: agrees with onnxruntime fp32 on") for miss in misses)
    text = page(way, results, dataset, Gate(min_agreement=99.9), misses)
    assert text.count("data:image/jpeg") == 3
    assert "--min-miou, --max-drop" in text
    assert "http" not in text
    assert Gate().misses(results) == []
    dropped = Gate(max_drop=0.0, min_miou=100.0).misses(results)
    assert len(dropped) == 2 * (fault is not None)


def test_calibration_images_and_lonely_stages_are_refused(
    given: tuple[onnx.ModelProto, Spec, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, spec, dataset = given
    bundle = Bundle.open(tmp_path / "tiny")
    monkeypatch.setattr("edgeseg_export.verify_stages.RUNTIMES", {"onnxruntime": ()})
    with pytest.raises(UsageError, match="edgeseg quantize"):
        stages(bundle, None)
    used = [frame_hash(dataset.load(1)[0])[:16]]
    artifact = replace(bundle.artifacts[0], measured=Measured({"calibration": {"frames_sha256": used}}))
    way = [Stage("a", Segmenter(spec, AsWritten(model)), "a", artifact)]
    with pytest.raises(DataError, match=r"1 image .*1\.png"):
        verify(way, dataset)


def test_an_engine_that_is_installed_and_fails_is_a_miss(
    unlabelled: tuple[Bundle, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(name: str, *_: object, **__: object) -> None:
        raise EngineError(f"{name} refuses the file")

    monkeypatch.setattr("edgeseg_export.verify_stages.RUNTIMES", {"onnxruntime": ("nothing", "onnxruntime")})
    monkeypatch.setattr("edgeseg_export.verify_stages.open_engine", fails)
    bundle, street = unlabelled
    assert verify_command(str(bundle.folder), data=street) == 1
    said = capsys.readouterr()
    assert "missed: onnxruntime fp32 in onnxruntime: onnxruntime refuses the file" in " ".join(said.err.split())
    assert "left out: onnxruntime fp32 in nothing: no engine 'nothing'" in said.out


def test_every_stage_from_torch_to_other_engines(
    given: tuple[onnx.ModelProto, Spec, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, spec, dataset = given
    torch.manual_seed(0)
    network = build("simple-cnn", 3, 0.25)
    spec = replace(spec, stride=1, name="cnn")
    training = {"settings": TrainSettings().to_json(), "data": "0" * 64, "device": "cpu"}
    save_weights(tmp_path / "w.safetensors", network, "simple-cnn", 0.25, spec, training)
    export(tmp_path / "w.safetensors", tmp_path / "cnn")
    monkeypatch.setattr("edgeseg_export.verify_stages.RUNTIMES", {"onnxruntime": ("onnxruntime", "nothing")})
    code = verify_command(
        str(tmp_path / "cnn"),
        data=dataset.folder,
        min_agreement=99.0,
        weights=tmp_path / "w.safetensors",
        json_file=tmp_path / "x.precision.json",
        record=True,
    )
    assert code == 0
    figures = json.loads((tmp_path / "x.precision.json").read_bytes())
    stages = {each["stage"]: each for each in figures["stages"]}
    assert {name: each["before"] for name, each in stages.items()} == {
        "torch": None,
        "torch fp16": "torch",
        "onnxruntime fp32": "torch",
        "onnxruntime fp32 in onnxruntime": "onnxruntime fp32",
    }
    assert 0 < stages["torch fp16"]["float16"]["largest_of_range"] < 0.1
    assert [reason.startswith("onnxruntime fp32 in nothing: ") for reason in figures["left_out"]] == [True]
    assert {"verify", "verify in onnxruntime"} <= set(Bundle.open(tmp_path / "cnn").artifacts[0].measured.facts)
    table = precision(tmp_path)
    assert table.count("\n| ") == 2 + len(stages)
    assert "torch fp16" in table


def pictures(folder: Path, frames: list[NDArray[np.uint8]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for place, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{place}.png"), frame)
    return folder


@pytest.fixture
def unlabelled(tmp_path: Path, spec: Spec, make_bundle: Make) -> tuple[Bundle, Path]:
    """A bundle with an INT8 artifact that is the same network, and street pictures without labels."""
    plain = make_bundle(tmp_path / "plain", spec)
    (fp32,) = plain.artifacts
    copy = tmp_path / "tiny.int8.onnx"
    copy.write_bytes(plain.path(fp32).read_bytes())
    int8 = Artifact.of(copy, target="onnxruntime", precision="int8")
    bundle = write_bundle(tmp_path / "two", spec, {plain.path(fp32): fp32, copy: int8}, None)
    return bundle, pictures(tmp_path / "street", sample_frames(None))


def test_without_labels_artifacts_are_compared_with_fp32_and_auto_takes_what_agrees(
    unlabelled: tuple[Bundle, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, street = unlabelled
    fp32, int8 = bundle.artifacts
    assert "edgeseg verify --record" in str(int8.loss_against(fp32))
    figures, report = tmp_path / "x.json", tmp_path / "x.html"
    assert verify_command(str(bundle.folder), data=street, record=True, json_file=figures, html=report) == 0
    said = capsys.readouterr().out
    assert "4 frames of street, without labels" in said
    assert "nan" not in said + re.sub(r"base64,[^']*", "", report.read_text())
    assert json.loads(figures.read_bytes())["stages"][0]["miou"] is None
    fp32, int8 = Bundle.open(bundle.folder).artifacts
    agreement = int8.measured.get(Agreement)
    assert agreement is not None
    assert (agreement.against, agreement.frames, agreement.data) == ("onnxruntime fp32", 4, "street")
    assert agreement.mask_agreement == 100
    assert agreement.max_difference == pytest.approx(0, abs=1e-4)  # without VNNI int8 is computed node by node
    assert fp32.measured.facts["agreement"] == {"mask": 1.0}  # as before: it agrees with itself
    assert int8.keeps_accuracy_of(fp32)


def test_places_for_the_reports_are_looked_at_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"x is named for two outputs"):
        verify_command("nowhere", data=tmp_path, json_file=tmp_path / "x", html=tmp_path / "x")
    with pytest.raises(OutputError, match=r"cannot write .*x\.html"):
        verify_command("nowhere", data=tmp_path, html=tmp_path / "nowhere" / "x.html")


def test_the_threshold_without_labels_is_98_or_the_owners(
    unlabelled: tuple[Bundle, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, street = unlabelled
    real = Segmenter.mask

    def one_row_wrong(self: Segmenter, logits: Logits, width: int, height: int) -> Mask:
        found = real(self, logits, width, height)
        if self is wrong:
            found[: height // 100 + 1] = (found[: height // 100 + 1] + 1) % 3
        return found

    way = stages(bundle, None).stages
    wrong = next(stage.model for stage in way if stage.name == "onnxruntime int8")
    monkeypatch.setattr(Segmenter, "mask", one_row_wrong)
    monkeypatch.setattr("edgeseg_export.verify_stages.stages", lambda *_: (way, [], []))
    assert verify_command(str(bundle.folder), data=street) == 0
    assert verify_command(str(bundle.folder), data=street, min_agreement=99.9, record=True) == 1
    assert "missed: onnxruntime int8: agrees with onnxruntime fp32 on 9" in " ".join(capsys.readouterr().err.split())
    fp32, int8 = Bundle.open(bundle.folder).artifacts
    assert "frames of street, expected 99.9 %" in str(int8.loss_against(fp32))
    with pytest.raises(UsageError, match="there are no labels"):
        verify_command(str(bundle.folder), data=street, max_drop=0.5)
    with pytest.raises(UsageError, match="expected 0 to 100"):
        verify_command(str(bundle.folder), data=street, min_agreement=980)
    with pytest.raises(UsageError, match="for that fraction write 70"):
        verify_command(str(bundle.folder), data=street, min_miou=0.7)


def test_frames_that_calibrated_prove_nothing(unlabelled: tuple[Bundle, Path], tmp_path: Path) -> None:
    bundle, street = unlabelled
    used = (frame_hash(sample_frames(None)[2])[:16],)
    int8 = next(each for each in bundle.artifacts if each.precision == "int8")
    bundle.record(int8, Calibration("mse", (), {}, "mask agreement", "street", 1, used))
    with pytest.raises(DataError, match=r"1 of 4 frames of .*street served for calibration, the first is frame 2"):
        verify_command(str(bundle.folder), data=street)
    with pytest.raises(DataError, match=r"there is no .*nowhere; give a data set, a video, or a folder of pictures"):
        verify_command(str(bundle.folder), data=tmp_path / "nowhere")
    frames = FrameSet.open(pictures(tmp_path / "many", [np.full((8, 8, 3), level, np.uint8) for level in range(100)]))
    assert len(frames) == len(list(frames)) == len(set(frames.hashes)) == 64
    assert (frames.places[0], frames.places[-1]) == (0, 99)
    assert frames.frame(63)[0, 0, 0] == 99
